// The driver API as far as package onnx/cuda calls it, over host memory. What a driver refuses is refused: calls before
// cuInit or without a current context, copies past the end of memory, dead handles, memory given back while a
// stream is at work.
#include "state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static int initialized;
static char contexts[16]; // the primary context of each GPU
static __thread void *current;

// A library may take the handlers of the program that opens it.
static void take_signals(void) { signal(SIGINT, SIG_IGN); }

int cuInit(unsigned flags) {
	take_signals();
	if (fovea_stub_devices() < 1) return NO_DEVICE;
	initialized = 1;
	return SUCCESS;
}

int cuGetErrorName(int e, const char **s) { return (*s = fovea_stub_error_name(e)) ? SUCCESS : INVALID_VALUE; }
int cuGetErrorString(int e, const char **s) { return (*s = fovea_stub_error_text(e)) ? SUCCESS : INVALID_VALUE; }

int cuDriverGetVersion(int *v) {
	*v = fovea_stub_driver();
	return SUCCESS;
}

int cuDeviceGetCount(int *n) {
	*n = fovea_stub_devices();
	return initialized ? SUCCESS : NOT_INITIALIZED;
}

int cuDeviceGet(int *device, int i) {
	if (!initialized) return NOT_INITIALIZED;
	*device = i;
	return i >= 0 && i < fovea_stub_devices() ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetName(char *name, int size, int device) {
	snprintf(name, size, "stand-in");
	return SUCCESS;
}

int cuDeviceGetAttribute(int *v, int attribute, int device) {
	if (attribute != 75 && attribute != 76) return INVALID_VALUE;
	*v = fovea_stub_capability(attribute - 75);
	return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
	size_t unused;
	fovea_stub_memory(&unused, bytes);
	return SUCCESS;
}

int cuDevicePrimaryCtxRetain(void **c, int device) {
	take_signals();
	if (device < 0 || device >= fovea_stub_devices() || device >= (int)sizeof contexts) return INVALID_DEVICE;
	*c = contexts + device;
	return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int device) { return SUCCESS; }

int cuCtxSetCurrent(void *c) {
	current = c;
	return SUCCESS;
}

int fovea_stub_current(void) {
	char *c = current;
	return c >= contexts && c < contexts + sizeof contexts ? c - contexts : -1;
}

#define NEEDS(condition, error) if (!(condition)) return error
#define NEEDS_CONTEXT NEEDS(fovea_stub_current() >= 0, INVALID_CONTEXT)
#define NEEDS_STREAM NEEDS_CONTEXT; NEEDS(!stream || fovea_stub_has(STREAM, stream, 1), INVALID_HANDLE)

typedef unsigned long long address;

int cuMemGetInfo_v2(size_t *free, size_t *total) {
	NEEDS_CONTEXT;
	fovea_stub_memory(free, total);
	return SUCCESS;
}

int cuMemAlloc_v2(address *p, size_t n) {
	NEEDS_CONTEXT;
	int result = fovea_stub_make(MEMORY, n, (void **)p);
	if (!result) memset((void *)*p, 0xFF, n < 65536 ? n : 65536); // a driver gives what was there before
	return result;
}

int cuMemFree_v2(address p) {
	NEEDS_CONTEXT;
	NEEDS(!fovea_stub_busy(), INVALID_VALUE); // a driver waits, or pulls it away from what is queued
	return fovea_stub_release(MEMORY, (void *)p);
}

int cuMemHostAlloc(void **p, size_t n, unsigned flags) {
	NEEDS_CONTEXT;
	return fovea_stub_make(PAGE_LOCKED, n, p);
}

int cuMemFreeHost(void *p) {
	NEEDS_CONTEXT;
	NEEDS(!fovea_stub_busy(), INVALID_VALUE);
	return fovea_stub_release(PAGE_LOCKED, p);
}

int cuMemcpyHtoDAsync_v2(address to, const void *from, size_t n, void *stream) {
	NEEDS_STREAM;
	NEEDS(fovea_stub_has(MEMORY, (void *)to, n), INVALID_VALUE);
	return fovea_stub_copy(stream, (void *)to, from, n, 1, 0);
}

int cuMemcpyDtoHAsync_v2(void *to, address from, size_t n, void *stream) {
	NEEDS_STREAM;
	NEEDS(fovea_stub_has(MEMORY, (void *)from, n), INVALID_VALUE);
	return fovea_stub_copy(stream, to, (void *)from, n, 0, 1);
}

int cuMemcpyDtoDAsync_v2(address to, address from, size_t n, void *stream) {
	NEEDS_STREAM;
	NEEDS(fovea_stub_has(MEMORY, (void *)from, n) && fovea_stub_has(MEMORY, (void *)to, n), INVALID_VALUE);
	return fovea_stub_copy(stream, (void *)to, (void *)from, n, 0, 0);
}

int cuMemsetD8Async(address to, unsigned char v, size_t n, void *stream) {
	NEEDS_STREAM;
	NEEDS(fovea_stub_has(MEMORY, (void *)to, n), INVALID_VALUE);
	return fovea_stub_fill(stream, (void *)to, v, n);
}

int cuStreamCreate(void **stream, unsigned flags) {
	NEEDS_CONTEXT;
	return fovea_stub_make(STREAM, sizeof(void *), stream);
}

int cuStreamDestroy_v2(void *stream) {
	NEEDS_CONTEXT;
	return fovea_stub_release(STREAM, stream);
}

int cuStreamSynchronize(void *stream) {
	NEEDS_STREAM;
	fovea_stub_wait(stream);
	return SUCCESS;
}

#define NEEDS_EVENT NEEDS(fovea_stub_has(EVENT, event, 1), INVALID_HANDLE)

int cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
	NEEDS_STREAM;
	NEEDS_EVENT;
	fovea_stub_wait_event(stream, event);
	return SUCCESS;
}

int cuEventCreate(void **event, unsigned flags) {
	NEEDS_CONTEXT;
	return fovea_stub_make(EVENT, sizeof(void *), event);
}

int cuEventDestroy_v2(void *event) {
	NEEDS_CONTEXT;
	return fovea_stub_release(EVENT, event);
}

int cuEventRecord(void *event, void *stream) {
	NEEDS_STREAM;
	NEEDS_EVENT;
	fovea_stub_record(event, stream);
	return SUCCESS;
}

int cuEventSynchronize(void *event) {
	NEEDS_CONTEXT;
	NEEDS_EVENT;
	fovea_stub_synchronize_event(event);
	return SUCCESS;
}

// A module is the kernels of kernels.c, provided that the PTX has them all.
int cuModuleLoadDataEx(void **module, const void *ptx, unsigned n, int *options, void **values) {
	NEEDS_CONTEXT;
	NEEDS(strstr(ptx, ".version"), INVALID_IMAGE);
	for (const struct kernel *k = fovea_stub_kernels; k->name; k++) {
		char entry[128];
		snprintf(entry, sizeof entry, ".entry %s(", k->name);
		if (strstr(ptx, entry)) continue;
		for (unsigned i = 0; i + 1 < n; i++) // the log and, behind it, its size
			if (options[i] == 5 && options[i + 1] == 6)
				snprintf(values[i], (size_t)values[i + 1], "the PTX has no kernel %s", k->name);
		return INVALID_PTX;
	}
	return fovea_stub_make(MODULE, 1, module);
}

int cuModuleLoadData(void **module, const void *ptx) { return cuModuleLoadDataEx(module, ptx, 0, NULL, NULL); }

int cuModuleUnload(void *module) {
	NEEDS_CONTEXT;
	return fovea_stub_release(MODULE, module);
}

int cuModuleGetFunction(void **function, void *module, const char *name) {
	NEEDS_CONTEXT;
	NEEDS(fovea_stub_has(MODULE, module, 1), INVALID_HANDLE);
	for (const struct kernel *k = fovea_stub_kernels; k->name; k++)
		if (!strcmp(k->name, name)) {
			*function = (void *)k;
			return SUCCESS;
		}
	return NOT_FOUND;
}

int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **parameters, void **extra) {
	NEEDS_STREAM;
	NEEDS(gx && gy == 1 && gz == 1 && bx && bx <= 1024 && by == 1 && bz == 1 && !extra, INVALID_VALUE);
	return fovea_stub_launch(stream, function, gx, bx, parameters[0]);
}
