// The functions of NCCL that training needs, called by their addresses: neither NCCL nor CUDA is needed to build.
// Communicators, streams and addresses in a GPU's memory are integers to Go.
#ifndef FOVEA_NCCL_H
#define FOVEA_NCCL_H

#include <stddef.h>
#include <stdint.h>

struct fovea_nccl {
	void *version, *id, *init, *reduce_scatter, *all_gather, *all_reduce, *broadcast, *asynchronous, *abort, *destroy;
	void *error_text, *last_error;
};

// ncclUniqueId, by which the ranks find each other.
struct fovea_nccl_id {
	char bytes[128];
};

// They return an ncclResult_t. Counts are elements; what is received lies where it was sent from.
int fovea_nccl_version(struct fovea_nccl *n, int *version);
int fovea_nccl_new_id(struct fovea_nccl *n, struct fovea_nccl_id *id);
int fovea_nccl_init(struct fovea_nccl *n, uintptr_t *comm, int size, struct fovea_nccl_id *id, int rank);
int fovea_nccl_reduce_scatter(struct fovea_nccl *n, uintptr_t comm, uintptr_t stream, uintptr_t arena, size_t piece,
                              int rank); // float32, sums
int fovea_nccl_all_gather(struct fovea_nccl *n, uintptr_t comm, uintptr_t stream, uintptr_t arena, size_t piece,
                          int rank); // float32
int fovea_nccl_all_reduce(struct fovea_nccl *n, uintptr_t comm, uintptr_t stream, uintptr_t values,
                          size_t count); // float64, sums
int fovea_nccl_broadcast(struct fovea_nccl *n, uintptr_t comm, uintptr_t stream, uintptr_t at,
                         size_t bytes); // from rank 0
int fovea_nccl_asynchronous(struct fovea_nccl *n, uintptr_t comm, int *result);
int fovea_nccl_abort(struct fovea_nccl *n, uintptr_t comm);
int fovea_nccl_destroy(struct fovea_nccl *n, uintptr_t comm);
const char *fovea_nccl_error_text(struct fovea_nccl *n, int result);
const char *fovea_nccl_last_error(struct fovea_nccl *n, uintptr_t comm);

#endif
