// The CUDA runtime API as far as the provider needs answers from it. Kernels compute nothing; all that is not here
// returns 0. properties.h is cudaDeviceProp, from NVIDIA's header.
#include "state.h"

#include <string.h>

#include "properties.h"

int cudaGetDeviceCount(int *n) { return (*n = fovea_stub_devices()) > 0 ? SUCCESS : NO_DEVICE; }

static __thread int device;

int cudaSetDevice(int d) {
	if (d < 0 || d >= fovea_stub_devices()) return INVALID_DEVICE;
	device = d;
	return SUCCESS;
}

int cudaGetDevice(int *d) {
	*d = device;
	return SUCCESS;
}

int cudaDeviceGetAttribute(int *v, int attribute, int device) {
	switch (attribute) {
	case 16: *v = 132; break; // multiprocessors
	case 75: case 76: *v = fovea_stub_capability(attribute - 75); break;
	default: *v = 65536;
	}
	return SUCCESS;
}

int cudaDriverGetVersion(int *v) {
	*v = fovea_stub_driver();
	return SUCCESS;
}

int cudaRuntimeGetVersion(int *v) {
	*v = 13000;
	return SUCCESS;
}

int cudaMemGetInfo(size_t *free, size_t *total) {
	fovea_stub_memory(free, total);
	return SUCCESS;
}

int cudaGetDeviceProperties(struct cudaDeviceProp *p, int device) {
	size_t free;
	memset(p, 0, sizeof *p);
	strcpy(p->name, "stand-in");
	fovea_stub_memory(&free, &p->totalGlobalMem);
	p->major = fovea_stub_capability(0);
	p->minor = fovea_stub_capability(1);
	p->multiProcessorCount = 132;
	p->warpSize = 32;
	p->maxThreadsPerBlock = 1024;
	p->sharedMemPerBlock = 49152;
	p->sharedMemPerMultiprocessor = 233472;
	p->sharedMemPerBlockOptin = 232448;
	p->maxThreadsPerMultiProcessor = 2048;
	p->maxGridSize[0] = 2147483647;
	p->maxGridSize[1] = p->maxGridSize[2] = 65535;
	p->regsPerBlock = 65536;
	p->l2CacheSize = 60 << 20;
	return SUCCESS;
}

static int release(int kind, void *p) { return p ? fovea_stub_release(kind, p) : SUCCESS; }

int cudaMalloc(void **p, size_t n) { return fovea_stub_make(MEMORY, n, p); }
int cudaMallocFromPoolAsync(void **p, size_t n, void *pool, void *stream) { return fovea_stub_make(MEMORY, n, p); }
int cudaFree(void *p) {
	fovea_stub_wait_all();
	return release(MEMORY, p);
}
int cudaFreeAsync(void *p, void *stream) { return release(MEMORY, p); }
int cudaMallocHost(void **p, size_t n) { return fovea_stub_make(PAGE_LOCKED, n, p); }
int cudaHostAlloc(void **p, size_t n, unsigned flags) { return fovea_stub_make(PAGE_LOCKED, n, p); }
int cudaFreeHost(void *p) { return release(PAGE_LOCKED, p); }

int cudaStreamCreate(void **s) { return fovea_stub_make(STREAM, sizeof(void *), s); }
int cudaStreamCreateWithFlags(void **s, unsigned flags) { return fovea_stub_make(STREAM, sizeof(void *), s); }
int cudaStreamDestroy(void *s) { return fovea_stub_release(STREAM, s); }
int cudaEventCreate(void **e) { return fovea_stub_make(EVENT, sizeof(void *), e); }
int cudaEventCreateWithFlags(void **e, unsigned flags) { return fovea_stub_make(EVENT, sizeof(void *), e); }
int cudaEventDestroy(void *e) { return fovea_stub_release(EVENT, e); }

int cudaStreamSynchronize(void *stream) {
	fovea_stub_wait(stream);
	return SUCCESS;
}

int cudaDeviceSynchronize(void) {
	fovea_stub_wait_all();
	return SUCCESS;
}

int cudaEventRecord(void *e, void *stream) {
	fovea_stub_record(e, stream);
	return SUCCESS;
}

int cudaEventSynchronize(void *e) {
	fovea_stub_synchronize_event(e);
	return SUCCESS;
}

int cudaStreamWaitEvent(void *stream, void *e, unsigned flags) {
	fovea_stub_wait_event(stream, e);
	return SUCCESS;
}

int cudaMemcpyAsync(void *to, const void *from, size_t n, int kind, void *stream) {
	return fovea_stub_copy(stream, to, from, n, kind == 1, kind == 2);
}

int cudaMemcpy(void *to, const void *from, size_t n, int kind) {
	cudaMemcpyAsync(to, from, n, kind, NULL);
	return cudaStreamSynchronize(NULL);
}

int cudaMemsetAsync(void *p, int v, size_t n, void *stream) {
	return fovea_stub_fill(stream, p, v, n);
}

int cudaMemset(void *p, int v, size_t n) { return cudaMemsetAsync(p, v, n, NULL); }

struct size { unsigned x, y, z; };

int cudaLaunchKernel(const void *f, struct size grid, struct size block, void **arguments, size_t shared, void *stream) {
	fovea_stub_session(stream);
	return SUCCESS;
}

struct call {
	void (*f)(void *);
	void *data;
};

static void call(void *data) {
	struct call *c = data;
	c->f(c->data);
}

int cudaLaunchHostFunc(void *stream, void (*f)(void *), void *data) {
	fovea_stub_enqueue(stream, call, &(struct call){f, data}, sizeof(struct call));
	return SUCCESS;
}

const char *cudaGetErrorString(int e) { return fovea_stub_error_text(e) ? fovea_stub_error_text(e) : "stand-in"; }
const char *cudaGetErrorName(int e) { return fovea_stub_error_name(e) ? fovea_stub_error_name(e) : "stand-in"; }

int cudaPointerGetAttributes(void *a, const void *p) {
	memset(a, 0, 32);
	*(int *)a = 2; // device memory
	return SUCCESS;
}

int cudaStreamIsCapturing(void *s, int *capturing) {
	*capturing = 0;
	return SUCCESS;
}

int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n, const void *f, int block, size_t shared, unsigned flags) {
	*n = 2;
	return SUCCESS;
}

int cudaGetDriverEntryPointByVersion(const char *s, void **f, unsigned version, unsigned long long flags, int *found) {
	*f = 0;
	if (found) *found = 1;
	return SUCCESS;
}

void **__cudaRegisterFatBinary(void *x) {
	static void *handle[4];
	return handle;
}

static int handle(void **h) {
	static char object[4096];
	*h = object;
	return SUCCESS;
}

int cudaMemPoolCreate(void **pool, const void *properties) { return handle(pool); }
int cudaGraphInstantiate(void **graph) { return handle(graph); }
int cudaStreamEndCapture(void *s, void **graph) { return handle(graph); }
