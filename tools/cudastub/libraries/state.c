#include "state.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct thing {
	int kind;
	char *p;
	size_t bytes;
	void *block; // of malloc
	int gpu;     // of the thread that made it, or -1
} *things;
static size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t total(void) {
	const char *s = getenv("FOVEA_CUDA_STUB_MEMORY");
	return s ? strtoull(s, NULL, 10) : 140ULL << 30;
}

// Call with the lock held.
static size_t used(void) {
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		if (things[i].kind == MEMORY) bytes += things[i].bytes;
	return bytes;
}

void fovea_stub_memory(size_t *f, size_t *t) {
	pthread_mutex_lock(&lock);
	size_t u = used();
	pthread_mutex_unlock(&lock);
	*t = total();
	*f = *t > u ? *t - u : 0;
}

int fovea_stub_make(int kind, size_t bytes, void **p) {
	if (!bytes) return INVALID_VALUE;
	int result = SUCCESS;
	pthread_mutex_lock(&lock);
	char *block = NULL;
	if (kind == MEMORY && used() + bytes > total()) result = OUT_OF_MEMORY;
	else if (!(block = calloc(1, bytes + 255))) result = OUT_OF_MEMORY; // calloc: pages that nobody writes cost nothing
	if (!result) {
		char *aligned = block + (-(size_t)block & 255);
		things = realloc(things, (count + 1) * sizeof *things);
		things[count++] = (struct thing){kind, aligned, bytes, block, fovea_stub_current()};
		*p = aligned;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

int fovea_stub_release(int kind, void *p) {
	int result = kind < STREAM ? INVALID_VALUE : INVALID_HANDLE;
	if (kind == STREAM && fovea_stub_has(kind, p, 1)) {
		fovea_stub_close_queue(p);
		fovea_stub_forget(p);
	}
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++)
		if (things[i].kind == kind && things[i].p == p) {
			if (kind == MEMORY) fovea_stub_forget_memory(p, things[i].bytes);
			free(things[i].block);
			things[i] = things[--count];
			result = SUCCESS;
			break;
		}
	pthread_mutex_unlock(&lock);
	return result;
}

int fovea_stub_has(int kind, const void *p, size_t bytes) {
	int found = 0;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count && !found; i++) {
		const struct thing *t = &things[i];
		found = t->kind == kind && (char *)p >= t->p && (char *)p + bytes <= t->p + t->bytes;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

struct range fovea_stub_around(const void *p) {
	struct range r = {p, 0, 1};
	int gpu = fovea_stub_current();
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++)
		if (things[i].kind == MEMORY && things[i].gpu == gpu && (char *)p >= things[i].p && (char *)p < things[i].p + things[i].bytes)
			r = (struct range){things[i].p, things[i].bytes, 1};
	pthread_mutex_unlock(&lock);
	return r;
}

void fovea_stub_live(long out[KINDS + 1]) {
	memset(out, 0, (KINDS + 1) * sizeof *out);
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++) out[things[i].kind]++;
	out[KINDS] = used();
	pthread_mutex_unlock(&lock);
}

static int setting(const char *name, int otherwise) {
	const char *s = getenv(name);
	return s ? atoi(s) : otherwise;
}

int fovea_stub_devices(void) { return setting("FOVEA_CUDA_STUB_DEVICES", 1); }

int fovea_stub_driver(void) { return setting("FOVEA_CUDA_STUB_DRIVER", 13000); }

int fovea_stub_capability(int minor) {
	const char *s = getenv("FOVEA_CUDA_STUB_CAPABILITY");
	int v[2] = {9, 0};
	if (s) sscanf(s, "%d.%d", &v[0], &v[1]);
	return v[minor];
}

static const struct {
	int e;
	const char *name, *text;
} errors[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
};

const char *fovea_stub_error_name(int e) {
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].e == e) return errors[i].name;
	return NULL;
}

const char *fovea_stub_error_text(int e) {
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].e == e) return errors[i].text;
	return NULL;
}
