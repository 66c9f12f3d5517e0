#include "mpi.h"

#include <stddef.h>

int fovea_mpi_init(struct fovea_mpi *m, int *rank, int *size) {
	int provided, result = ((int (*)(void *, void *, int, int *))m->init_thread)(NULL, NULL, m->serialized, &provided);
	if (!result) result = ((int (*)(intptr_t, int *))m->comm_rank)(m->world, rank);
	if (!result) result = ((int (*)(intptr_t, int *))m->comm_size)(m->world, size);
	return result;
}

int fovea_mpi_exchange(struct fovea_mpi *m, const float *send, const int *to, const int *to_length, float *receive,
                       const int *from, const int *from_length) {
	typedef int (*alltoallv)(const void *, const int *, const int *, intptr_t, void *, const int *, const int *, intptr_t,
	                         intptr_t);
	return ((alltoallv)m->alltoallv)(send, to_length, to, m->float32, receive, from_length, from, m->float32, m->world);
}

int fovea_mpi_ibarrier(struct fovea_mpi *m, intptr_t *request) {
	return ((int (*)(intptr_t, intptr_t *))m->ibarrier)(m->world, request);
}

int fovea_mpi_test(struct fovea_mpi *m, intptr_t *request, int *done) {
	intptr_t status[32]; // more than any library's MPI_Status
	return ((int (*)(intptr_t *, int *, void *))m->test)(request, done, status);
}

void fovea_mpi_abort(struct fovea_mpi *m) { ((int (*)(intptr_t, int))m->abort)(m->world, 1); }

int fovea_mpi_finalize(struct fovea_mpi *m) { return ((int (*)(void))m->finalize)(); }

int fovea_mpi_abi(void *get_version) {
	int major = -1, minor = -1;
	return ((int (*)(int *, int *))get_version)(&major, &minor) ? -1 : major;
}
