#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long address; // CUdeviceptr

// result, name, parameters
#define ENTRIES(E)                                                                                             \
	E(int, cuInit, (unsigned))                                                                             \
	E(int, cuGetErrorName, (int, const char **))                                                           \
	E(int, cuGetErrorString, (int, const char **))                                                         \
	E(int, cuDriverGetVersion, (int *))                                                                    \
	E(int, cuDeviceGetCount, (int *))                                                                      \
	E(int, cuDeviceGet, (int *, int))                                                                      \
	E(int, cuDeviceGetName, (char *, int, int))                                                            \
	E(int, cuDeviceGetAttribute, (int *, int, int))                                                        \
	E(int, cuDeviceTotalMem_v2, (size_t *, int))                                                           \
	E(int, cuDevicePrimaryCtxRetain, (void **, int))                                                       \
	E(int, cuDevicePrimaryCtxRelease_v2, (int))                                                            \
	E(int, cuCtxSetCurrent, (void *))                                                                      \
	E(int, cuMemGetInfo_v2, (size_t *, size_t *))                                                          \
	E(int, cuMemAlloc_v2, (address *, size_t))                                                             \
	E(int, cuMemFree_v2, (address))                                                                        \
	E(int, cuMemHostAlloc, (void **, size_t, unsigned))                                                    \
	E(int, cuMemFreeHost, (void *))                                                                        \
	E(int, cuMemcpyHtoDAsync_v2, (address, const void *, size_t, void *))                                  \
	E(int, cuMemcpyDtoHAsync_v2, (void *, address, size_t, void *))                                        \
	E(int, cuMemcpyDtoDAsync_v2, (address, address, size_t, void *))                                       \
	E(int, cuMemsetD8Async, (address, unsigned char, size_t, void *))                                      \
	E(int, cuStreamCreate, (void **, unsigned))                                                            \
	E(int, cuStreamDestroy_v2, (void *))                                                                   \
	E(int, cuStreamSynchronize, (void *))                                                                  \
	E(int, cuStreamWaitEvent, (void *, void *, unsigned))                                                  \
	E(int, cuEventCreate, (void **, unsigned))                                                             \
	E(int, cuEventDestroy_v2, (void *))                                                                    \
	E(int, cuEventRecord, (void *, void *))                                                                \
	E(int, cuEventSynchronize, (void *))                                                                   \
	E(int, cuModuleLoadDataEx, (void **, const void *, unsigned, int *, void **))                          \
	E(int, cuModuleUnload, (void *))                                                                       \
	E(int, cuModuleGetFunction, (void **, void *, const char *))                                           \
	E(int, cuLaunchKernel, (void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,  \
	                        void *, void **, void **))

#define POINTER(result, name, parameters) result(*name) parameters;
static struct { ENTRIES(POINTER) } api;

static const struct {
	const char *name;
	void **at;
} entries[] = {
#define ENTRY(result, name, parameters) {#name, (void **)&api.name},
    ENTRIES(ENTRY)};

#ifdef __linux__

#include <dlfcn.h>

char *fovea_cuda_open(int *missing) {
	*missing = 0;
	void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		*missing = 1;
		return strdup(dlerror());
	}
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		*entries[i].at = dlsym(library, entries[i].name);
		if (*entries[i].at) continue;
		char text[128];
		snprintf(text, sizeof text, "libcuda.so.1 has no %s: NVIDIA's driver is too old", entries[i].name);
		return strdup(text);
	}
	return NULL;
}

#else

char *fovea_cuda_open(int *missing) {
	(void)entries;
	*missing = 1;
	return strdup("this program uses GPUs on Linux only");
}

#endif

int fovea_cuda_init(void) { return api.cuInit(0); }

const char *fovea_cuda_error_name(int result) {
	const char *s = NULL;
	return api.cuGetErrorName(result, &s) ? NULL : s;
}

const char *fovea_cuda_error_text(int result) {
	const char *s = NULL;
	return api.cuGetErrorString(result, &s) ? NULL : s;
}

// DO returns from the function if a call fails. IN is DO after the context was made current.
#define DO(call)                        \
	do {                            \
		int result = api.call;  \
		if (result) return result; \
	} while (0)
#define IN(context, call)                              \
	do {                                           \
		DO(cuCtxSetCurrent((void *)(context))); \
		DO(call);                              \
	} while (0)

int fovea_cuda_count(int *count) { return api.cuDeviceGetCount(count); }

int fovea_cuda_describe(int index, char *name, int size, int *major, int *minor, size_t *memory, int *driver) {
	enum { COMPUTE_CAPABILITY_MAJOR = 75, COMPUTE_CAPABILITY_MINOR = 76 };
	int device;
	DO(cuDeviceGet(&device, index));
	DO(cuDeviceGetName(name, size, device));
	DO(cuDeviceGetAttribute(major, COMPUTE_CAPABILITY_MAJOR, device));
	DO(cuDeviceGetAttribute(minor, COMPUTE_CAPABILITY_MINOR, device));
	DO(cuDeviceTotalMem_v2(memory, device));
	return api.cuDriverGetVersion(driver);
}

int fovea_cuda_retain(int index, uintptr_t *context) {
	int device;
	DO(cuDeviceGet(&device, index));
	return api.cuDevicePrimaryCtxRetain((void **)context, device);
}

int fovea_cuda_release(int index) {
	int device;
	DO(cuDeviceGet(&device, index));
	return api.cuDevicePrimaryCtxRelease_v2(device);
}

int fovea_cuda_current(uintptr_t context) { return api.cuCtxSetCurrent((void *)context); }

int fovea_cuda_memory(uintptr_t context, size_t *free, size_t *total) {
	IN(context, cuMemGetInfo_v2(free, total));
	return 0;
}

int fovea_cuda_allocate(uintptr_t context, size_t bytes, uintptr_t *to) {
	address p;
	IN(context, cuMemAlloc_v2(&p, bytes));
	int result = api.cuMemsetD8Async(p, 0, bytes, NULL);
	if (!result) result = api.cuStreamSynchronize(NULL);
	if (result) {
		api.cuMemFree_v2(p);
		return result;
	}
	*to = (uintptr_t)p;
	return 0;
}

int fovea_cuda_free(uintptr_t context, uintptr_t p) {
	IN(context, cuMemFree_v2(p));
	return 0;
}

int fovea_cuda_allocate_host(uintptr_t context, size_t bytes, void **memory) {
	enum { PORTABLE = 1 };
	IN(context, cuMemHostAlloc(memory, bytes, PORTABLE));
	memset(*memory, 0, bytes);
	return 0;
}

int fovea_cuda_free_host(uintptr_t context, uintptr_t memory) {
	IN(context, cuMemFreeHost((void *)memory));
	return 0;
}

int fovea_cuda_stream(uintptr_t context, uintptr_t *stream) {
	enum { NON_BLOCKING = 1 }; // does not wait for the default stream
	IN(context, cuStreamCreate((void **)stream, NON_BLOCKING));
	return 0;
}

int fovea_cuda_close_stream(uintptr_t context, uintptr_t stream) {
	IN(context, cuStreamDestroy_v2((void *)stream));
	return 0;
}

int fovea_cuda_synchronize(uintptr_t context, uintptr_t stream) {
	IN(context, cuStreamSynchronize((void *)stream));
	return 0;
}

int fovea_cuda_upload(uintptr_t context, uintptr_t stream, uintptr_t to, const void *from, size_t bytes, int wait) {
	IN(context, cuMemcpyHtoDAsync_v2(to, from, bytes, (void *)stream));
	return wait ? api.cuStreamSynchronize((void *)stream) : 0;
}

int fovea_cuda_download(uintptr_t context, uintptr_t stream, void *to, uintptr_t from, size_t bytes, int wait) {
	IN(context, cuMemcpyDtoHAsync_v2(to, from, bytes, (void *)stream));
	return wait ? api.cuStreamSynchronize((void *)stream) : 0;
}

int fovea_cuda_copy(uintptr_t context, uintptr_t stream, uintptr_t to, uintptr_t from, size_t bytes) {
	IN(context, cuMemcpyDtoDAsync_v2(to, from, bytes, (void *)stream));
	return 0;
}

int fovea_cuda_zero(uintptr_t context, uintptr_t stream, uintptr_t to, size_t bytes) {
	IN(context, cuMemsetD8Async(to, 0, bytes, (void *)stream));
	return 0;
}

int fovea_cuda_event(uintptr_t context, uintptr_t *event) {
	enum { BLOCKING_SYNC = 1, DISABLE_TIMING = 2 }; // who waits leaves the processor to others
	IN(context, cuEventCreate((void **)event, BLOCKING_SYNC | DISABLE_TIMING));
	return 0;
}

int fovea_cuda_close_event(uintptr_t context, uintptr_t event) {
	IN(context, cuEventDestroy_v2((void *)event));
	return 0;
}

int fovea_cuda_record(uintptr_t context, uintptr_t stream, uintptr_t event) {
	IN(context, cuEventRecord((void *)event, (void *)stream));
	return 0;
}

int fovea_cuda_wait(uintptr_t context, uintptr_t stream, uintptr_t event) {
	IN(context, cuStreamWaitEvent((void *)stream, (void *)event, 0));
	return 0;
}

int fovea_cuda_synchronize_event(uintptr_t context, uintptr_t event) {
	IN(context, cuEventSynchronize((void *)event));
	return 0;
}

int fovea_cuda_load(uintptr_t context, const void *ptx, char *log, unsigned size, uintptr_t *module) {
	enum { ERROR_LOG = 5, ERROR_LOG_SIZE = 6 };
	int options[] = {ERROR_LOG, ERROR_LOG_SIZE};
	void *values[] = {log, (void *)(uintptr_t)size};
	IN(context, cuModuleLoadDataEx((void **)module, ptx, 2, options, values));
	return 0;
}

int fovea_cuda_unload(uintptr_t context, uintptr_t module) {
	IN(context, cuModuleUnload((void *)module));
	return 0;
}

int fovea_cuda_function(uintptr_t context, uintptr_t module, const char *name, uintptr_t *function) {
	IN(context, cuModuleGetFunction((void **)function, (void *)module, name));
	return 0;
}

int fovea_cuda_launch(uintptr_t context, uintptr_t stream, uintptr_t function, unsigned grid, unsigned block,
                      void *argument) {
	IN(context, cuLaunchKernel((void *)function, grid, 1, 1, block, 1, 1, 0, (void *)stream, &argument, NULL));
	return 0;
}
