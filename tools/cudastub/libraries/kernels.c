// The kernels of a .cu file as C functions, one thread after the other. cudastub.py defines KERNELS, the file, and
// EACH_KERNEL, which names every kernel in it.
#include "state.h"

#include <math.h>
#include <pthread.h>

#define __global__ static
#define __device__ inline
typedef struct { float x, y, z, w; } __attribute__((aligned(16))) float4;
static struct { unsigned x, y, z; } gridDim, blockDim, blockIdx, threadIdx;

#include KERNELS

#define RUN(name) \
	static void run_##name(void *arguments) { name(*(name##_arguments *)arguments); }
EACH_KERNEL(RUN)

#define ENTRY(name) {#name, run_##name},
const struct kernel fovea_stub_kernels[] = {EACH_KERNEL(ENTRY){0}};

void fovea_stub_launch(const struct kernel *k, unsigned grid, unsigned block, void *arguments) {
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	gridDim.x = grid, blockDim.x = block;
	for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++)
		for (threadIdx.x = 0; threadIdx.x < block; threadIdx.x++) k->run(arguments);
	pthread_mutex_unlock(&lock);
}
