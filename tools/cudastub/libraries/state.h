// What the stand-ins for the CUDA driver and the CUDA runtime share: the memory and objects of one GPU that is not
// there. It lives in the driver's, libcuda.so.1. Numbers returned are CUDA errors, which both APIs count alike.
#include <stddef.h>

enum { SUCCESS, INVALID_VALUE, OUT_OF_MEMORY, NOT_INITIALIZED, NO_DEVICE = 100, INVALID_DEVICE, INVALID_IMAGE = 200,
       INVALID_CONTEXT, INVALID_PTX = 218, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600 };

// The order is that of Counts in cudastub.go, which ends with the bytes of MEMORY.
enum { MEMORY, PAGE_LOCKED, STREAM, EVENT, MODULE, KINDS };

struct range {
	const void *at;
	size_t bytes;
	int written;
};

// fovea_stub_make allocates zeros and counts them; fovea_stub_release refuses what is not there.
int fovea_stub_make(int kind, size_t bytes, void **p);
int fovea_stub_release(int kind, void *p);
// fovea_stub_has reports whether a range lies in one live thing of a kind.
int fovea_stub_has(int kind, const void *p, size_t bytes);
// fovea_stub_around returns the live memory of this thread's GPU around an address, without bytes if there is none.
struct range fovea_stub_around(const void *p);

void fovea_stub_live(long out[KINDS + 1]);
void fovea_stub_memory(size_t *free, size_t *total);

int fovea_stub_devices(void);
int fovea_stub_driver(void);
int fovea_stub_capability(int minor);

int fovea_stub_current(void); // the GPU of this thread, or -1

const char *fovea_stub_error_name(int e);
const char *fovea_stub_error_text(int e);

// What is queued on a stream, from queue.c. data is copied.
void fovea_stub_enqueue(void *stream, void (*f)(void *), const void *data, size_t bytes);
int fovea_stub_copy(void *stream, void *to, const void *from, size_t bytes, int from_host, int to_host);
int fovea_stub_fill(void *stream, void *at, int value, size_t bytes);
void fovea_stub_record(void *event, void *stream);
void fovea_stub_wait_event(void *stream, void *event);
// These wait. fovea_stub_close_queue does not: what is in the queue is done before the queue goes.
void fovea_stub_wait(void *stream);
void fovea_stub_wait_all(void);
void fovea_stub_synchronize_event(void *event);
void fovea_stub_close_queue(void *stream);
int fovea_stub_busy(void); // any stream of this thread's GPU

// Kernels, from kernels.c.
struct kernel {
	const char *name;
	void (*run)(void *arguments);
	size_t bytes; // of the arguments
};
extern const struct kernel fovea_stub_kernels[]; // ends with NULL
int fovea_stub_launch(void *stream, const struct kernel *k, unsigned grid, unsigned block, void *arguments);

// The order of work, from order.c. fovea_stub_order takes work on ranges of a GPU's memory and returns NOT_READY if it
// must wait for other work and does not. An event remembers FOVEA_STUB_CLOCK numbers.
enum { FOVEA_STUB_CLOCK = 256 };
int fovea_stub_order(void *stream, int collective, const struct range *ranges, int n, const char *format, ...);
void fovea_stub_session(void *stream); // a kernel of a session, whose memory is not known
void fovea_stub_order_record(void *stream, unsigned long *event);
void fovea_stub_order_wait(void *stream, const unsigned long *event);
void fovea_stub_order_synchronize(void *stream);
void fovea_stub_order_synchronize_event(const unsigned long *event);
void fovea_stub_order_synchronize_all(void);
void fovea_stub_forget(void *stream);
void fovea_stub_forget_memory(const void *at, size_t bytes);
