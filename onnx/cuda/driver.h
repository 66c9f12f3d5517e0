// NVIDIA's driver API, as far as training needs it. The types and the entry points are those of cuda.h; the library is
// opened when it is first needed, so that neither the toolkit nor a driver is needed to build or to start.
// Handles and device addresses are integers to Go, which must not take them for its own pointers.
#ifndef FOVEA_CUDA_DRIVER_H
#define FOVEA_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

enum { FOVEA_CUDA_OUT_OF_MEMORY = 2, FOVEA_CUDA_NO_DEVICE = 100 };

// fovea_cuda_open opens the library. It returns NULL, or what is wrong, to be freed; missing says that the library is
// not there at all.
char *fovea_cuda_open(int *missing);

// What follows needs fovea_cuda_open, and returns a CUresult. What takes a context makes it current on the calling
// thread first: goroutines move between threads, and each thread has a current context of its own.
int fovea_cuda_init(void);
const char *fovea_cuda_error_name(int result);
const char *fovea_cuda_error_text(int result);

int fovea_cuda_count(int *count);
int fovea_cuda_describe(int index, char *name, int size, int *major, int *minor, size_t *memory, int *driver);
int fovea_cuda_retain(int index, uintptr_t *context);
int fovea_cuda_release(int index);
int fovea_cuda_current(uintptr_t context);
int fovea_cuda_memory(uintptr_t context, size_t *free, size_t *total);

int fovea_cuda_allocate(uintptr_t context, size_t bytes, uintptr_t *address); // zeroed
int fovea_cuda_free(uintptr_t context, uintptr_t address);
int fovea_cuda_allocate_host(uintptr_t context, size_t bytes, void **memory); // zeroed
int fovea_cuda_free_host(uintptr_t context, uintptr_t memory);

int fovea_cuda_stream(uintptr_t context, uintptr_t *stream);
int fovea_cuda_close_stream(uintptr_t context, uintptr_t stream);
int fovea_cuda_synchronize(uintptr_t context, uintptr_t stream);
// wait: also wait until the copy is done.
int fovea_cuda_upload(uintptr_t context, uintptr_t stream, uintptr_t to, const void *from, size_t bytes, int wait);
int fovea_cuda_download(uintptr_t context, uintptr_t stream, void *to, uintptr_t from, size_t bytes, int wait);
int fovea_cuda_copy(uintptr_t context, uintptr_t stream, uintptr_t to, uintptr_t from, size_t bytes);
int fovea_cuda_zero(uintptr_t context, uintptr_t stream, uintptr_t to, size_t bytes);

int fovea_cuda_event(uintptr_t context, uintptr_t *event);
int fovea_cuda_close_event(uintptr_t context, uintptr_t event);
int fovea_cuda_record(uintptr_t context, uintptr_t stream, uintptr_t event);
int fovea_cuda_wait(uintptr_t context, uintptr_t stream, uintptr_t event);
int fovea_cuda_synchronize_event(uintptr_t context, uintptr_t event);

// fovea_cuda_load compiles PTX. log receives what the compiler says.
int fovea_cuda_load(uintptr_t context, const void *ptx, char *log, unsigned size, uintptr_t *module);
int fovea_cuda_unload(uintptr_t context, uintptr_t module);
int fovea_cuda_function(uintptr_t context, uintptr_t module, const char *name, uintptr_t *function);
// The kernel takes one argument, which the driver has copied when the call returns.
int fovea_cuda_launch(uintptr_t context, uintptr_t stream, uintptr_t function, unsigned grid, unsigned block,
                      void *argument);

#endif
