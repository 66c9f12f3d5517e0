// The functions of MPI that training needs, called by their addresses: no header of MPI is needed, and one program serves
// all MPI libraries.
#ifndef FOVEA_MPI_H
#define FOVEA_MPI_H

#include <stdint.h>

// Communicators and types are pointers in Open MPI and in the binary interface of MPI 5, and int in MPICH's own. An int
// is passed as intptr_t: it is the lower half of the same register or place on the stack on amd64 and arm64.
struct fovea_mpi {
	void *init_thread, *comm_rank, *comm_size, *alltoallv, *ibarrier, *test, *abort, *finalize;
	intptr_t world, float32;
	int serialized;
};

// They return 0, or MPI's error code.
int fovea_mpi_init(struct fovea_mpi *m, int *rank, int *size);
int fovea_mpi_exchange(struct fovea_mpi *m, const float *send, const int *to, const int *to_length, float *receive,
                       const int *from, const int *from_length);
int fovea_mpi_ibarrier(struct fovea_mpi *m, intptr_t *request);
int fovea_mpi_test(struct fovea_mpi *m, intptr_t *request, int *done);
void fovea_mpi_abort(struct fovea_mpi *m);
int fovea_mpi_finalize(struct fovea_mpi *m);
// fovea_mpi_abi reports the version of MPI 5's binary interface that a library has, by its MPI_Abi_get_version.
int fovea_mpi_abi(void *get_version);

#endif
