// The kernels of a .cu file as C functions, one thread after the other. cudastub.py defines KERNELS, the file, and
// EACH_KERNEL, which names every kernel in it.
#include "state.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define __global__ static
#define __device__ inline
typedef struct { float x, y, z, w; } __attribute__((aligned(16))) float4;
static struct { unsigned x, y, z; } gridDim, blockDim, blockIdx, threadIdx;

#include KERNELS

#define RUN(name) \
	static void run_##name(void *arguments) { name(*(name##_arguments *)arguments); }
EACH_KERNEL(RUN)

#define ENTRY(name) {#name, run_##name, sizeof(name##_arguments)},
const struct kernel fovea_stub_kernels[] = {EACH_KERNEL(ENTRY){0}};

struct launch {
	const struct kernel *kernel;
	unsigned grid, block;
	uint64_t arguments[64];
};

static void launch(void *data) {
	struct launch *l = data;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	gridDim.x = l->grid, blockDim.x = l->block;
	for (blockIdx.x = 0; blockIdx.x < l->grid; blockIdx.x++)
		for (threadIdx.x = 0; threadIdx.x < l->block; threadIdx.x++) l->kernel->run(l->arguments);
	pthread_mutex_unlock(&lock);
}

int fovea_stub_launch(void *stream, const struct kernel *k, unsigned grid, unsigned block, void *arguments) {
	struct launch l = {k, grid, block};
	memcpy(l.arguments, arguments, k->bytes);
	struct range ranges[64];
	int n = 0;
	for (size_t i = 0; i < k->bytes / 8; i++) { // whatever may be an address
		ranges[n] = fovea_stub_around((void *)l.arguments[i]);
		n += ranges[n].bytes > 0;
	}
	int result = fovea_stub_order(stream, 0, ranges, n, "%s", k->name);
	if (!result) fovea_stub_enqueue(stream, launch, &l, sizeof l);
	return result;
}
