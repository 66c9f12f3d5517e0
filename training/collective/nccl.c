#include "nccl.h"

// Of nccl.h: ncclDataType_t and ncclRedOp_t.
enum { UINT8 = 1, FLOAT32 = 7, FLOAT64 = 8, SUM = 0 };

int fovea_nccl_version(struct fovea_nccl *n, int *version) { return ((int (*)(int *))n->version)(version); }

int fovea_nccl_new_id(struct fovea_nccl *n, struct fovea_nccl_id *id) {
	return ((int (*)(struct fovea_nccl_id *))n->id)(id);
}

int fovea_nccl_init(struct fovea_nccl *n, uintptr_t *comm, int size, struct fovea_nccl_id *id, int rank) {
	return ((int (*)(uintptr_t *, int, struct fovea_nccl_id, int))n->init)(comm, size, *id, rank);
}

// In place, a rank's piece lies among those of all, in the order of ranks.
int fovea_nccl_reduce_scatter(struct fovea_nccl *n, uintptr_t comm, uintptr_t stream, uintptr_t arena, size_t piece,
                              int rank) {
	typedef int (*function)(uintptr_t, uintptr_t, size_t, int, int, uintptr_t, uintptr_t);
	return ((function)n->reduce_scatter)(arena, arena + sizeof(float) * piece * rank, piece, FLOAT32, SUM, comm, stream);
}

int fovea_nccl_all_gather(struct fovea_nccl *n, uintptr_t comm, uintptr_t stream, uintptr_t arena, size_t piece,
                          int rank) {
	typedef int (*function)(uintptr_t, uintptr_t, size_t, int, uintptr_t, uintptr_t);
	return ((function)n->all_gather)(arena + sizeof(float) * piece * rank, arena, piece, FLOAT32, comm, stream);
}

int fovea_nccl_all_reduce(struct fovea_nccl *n, uintptr_t comm, uintptr_t stream, uintptr_t values, size_t count) {
	typedef int (*function)(uintptr_t, uintptr_t, size_t, int, int, uintptr_t, uintptr_t);
	return ((function)n->all_reduce)(values, values, count, FLOAT64, SUM, comm, stream);
}

int fovea_nccl_broadcast(struct fovea_nccl *n, uintptr_t comm, uintptr_t stream, uintptr_t at, size_t bytes) {
	typedef int (*function)(uintptr_t, uintptr_t, size_t, int, int, uintptr_t, uintptr_t);
	return ((function)n->broadcast)(at, at, bytes, UINT8, 0, comm, stream);
}

int fovea_nccl_asynchronous(struct fovea_nccl *n, uintptr_t comm, int *result) {
	return ((int (*)(uintptr_t, int *))n->asynchronous)(comm, result);
}

int fovea_nccl_abort(struct fovea_nccl *n, uintptr_t comm) { return ((int (*)(uintptr_t))n->abort)(comm); }

int fovea_nccl_destroy(struct fovea_nccl *n, uintptr_t comm) { return ((int (*)(uintptr_t))n->destroy)(comm); }

const char *fovea_nccl_error_text(struct fovea_nccl *n, int result) {
	return ((const char *(*)(int))n->error_text)(result);
}

const char *fovea_nccl_last_error(struct fovea_nccl *n, uintptr_t comm) {
	return ((const char *(*)(uintptr_t))n->last_error)(comm);
}
