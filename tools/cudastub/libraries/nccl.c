// NCCL as far as package training/collective calls it, between processes of one machine: through a file that all of them
// map. Sums are added in pairs of ranks, the sums in pairs again: of four, (0+1)+(2+3). What NCCL refuses is refused,
// and data that may not be ready (order.c). With FOVEA_CUDA_STUB_NCCL=broken another GPU "cannot be reached".
#include "state.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { RANKS = 16, SLOT = 1 << 20 };
enum { OK, UNHANDLED_CUDA = 1, SYSTEM, INTERNAL, INVALID_ARGUMENT, INVALID_USAGE, REMOTE };
enum { UINT8 = 1, FLOAT32 = 7, FLOAT64 = 8 };

struct id { char bytes[128]; };

struct call { int what, type, root; size_t count; };

// What all ranks share.
struct hall {
	int arrived, turn; // of the barrier
	struct { int gpu; struct call call; } ranks[RANKS];
	char slots[][SLOT]; // one for each rank
};

struct comm { struct hall *hall; int size, rank; };

static char last[256];

static int refuse(int result, const char *format, ...) {
	va_list values;
	va_start(values, format);
	vsnprintf(last, sizeof last, format, values);
	va_end(values);
	return result;
}

const char *ncclGetLastError(void *comm) { return last; }

const char *ncclGetErrorString(int e) {
	static const char *const texts[] = {"no error", "unhandled cuda error", "unhandled system error", "internal error",
	                                    "invalid argument", "invalid usage", "remote process exited or there was a network error"};
	return e >= 0 && e <= REMOTE ? texts[e] : "unknown result code";
}

int ncclGetVersion(int *version) {
	*version = 22703;
	return OK;
}

int ncclGetUniqueId(struct id *id) {
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	memset(id, 0, sizeof *id);
	snprintf(id->bytes, sizeof id->bytes, "/fovea-stub-%d-%ld", getpid(), t.tv_nsec);
	return OK;
}

static void barrier(struct comm *c) {
	struct hall *h = c->hall;
	int turn = __atomic_load_n(&h->turn, __ATOMIC_ACQUIRE);
	if (__atomic_add_fetch(&h->arrived, 1, __ATOMIC_ACQ_REL) == c->size) {
		h->arrived = 0;
		__atomic_add_fetch(&h->turn, 1, __ATOMIC_ACQ_REL);
		return;
	}
	time_t start = time(NULL);
	while (__atomic_load_n(&h->turn, __ATOMIC_ACQUIRE) == turn) {
		usleep(50);
		if (time(NULL) - start > 20) {
			fprintf(stderr, "stand-in: rank %d waited 20 s for other ranks\n", c->rank);
			_exit(1);
		}
	}
}

int ncclCommInitRank(void **comm, int size, struct id id, int rank) {
	if (size < 1 || size > RANKS || rank < 0 || rank >= size) return refuse(INVALID_ARGUMENT, "rank %d of %d", rank, size);
	int gpu = fovea_stub_current();
	if (gpu < 0) return refuse(UNHANDLED_CUDA, "Cuda failure 'invalid device context'");
	size_t bytes = sizeof(struct hall) + (size_t)SLOT * size;
	int file = shm_open(id.bytes, O_RDWR | O_CREAT, 0600);
	if (file < 0 || ftruncate(file, bytes)) return refuse(SYSTEM, "Call to shm_open %s failed", id.bytes);
	struct comm *c = malloc(sizeof *c);
	*c = (struct comm){mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), size, rank};
	close(file);
	c->hall->ranks[rank].gpu = gpu;
	barrier(c);
	if (rank == 0) shm_unlink(id.bytes);
	int same = -1;
	for (int i = 0; i < size; i++)
		if (i != rank && c->hall->ranks[i].gpu == gpu) same = i;
	barrier(c);
	if (same >= 0) return refuse(INVALID_USAGE, "Duplicate GPU detected : rank %d and rank %d both on CUDA device %d", rank, same, gpu);
	*comm = c;
	return OK;
}

int ncclCommDestroy(struct comm *c) {
	munmap(c->hall, sizeof(struct hall) + (size_t)SLOT * c->size);
	free(c);
	return OK;
}

int ncclCommAbort(struct comm *c) { return OK; }

int ncclCommGetAsyncError(struct comm *c, int *result) {
	const char *s = getenv("FOVEA_CUDA_STUB_NCCL");
	*result = s && !strcmp(s, "broken") ? refuse(REMOTE, "socketProgress: Connection closed by remote peer") : OK;
	return OK;
}

#define ADD(type)                                                        \
	{                                                                \
		type *to = a;                                            \
		const type *from = b;                                    \
		for (size_t i = 0; i < bytes / sizeof(type); i++) to[i] += from[i]; \
	}

static void add(void *a, const void *b, size_t bytes, int type) {
	if (type == FLOAT64) ADD(double) else ADD(float)
}

enum { REDUCE_SCATTER, ALL_GATHER, ALL_REDUCE, BROADCAST };
static const char *const names[] = {"ncclReduceScatter", "ncclAllGather", "ncclAllReduce", "ncclBroadcast"};

static size_t size_of(int type) { return type == UINT8 ? 1 : type == FLOAT32 ? 4 : 8; }

struct work {
	struct comm *comm;
	struct call call;
	const char *send;
	char *receive;
};

// total adds the part at an offset of all slots into sum, in pairs.
static void total(struct comm *c, char *sum, size_t offset, size_t bytes, int type) {
	char *parts[RANKS];
	for (int i = 0; i < c->size; i++) parts[i] = memcpy(malloc(bytes + 1), c->hall->slots[i] + offset, bytes);
	for (int step = 1; step < c->size; step *= 2)
		for (int i = 0; i + step < c->size; i += 2 * step) add(parts[i], parts[i + step], bytes, type);
	memcpy(sum, parts[0], bytes);
	for (int i = 0; i < c->size; i++) free(parts[i]);
}

static void work(void *data) {
	struct work *w = data;
	struct comm *c = w->comm;
	struct call *call = &w->call;
	c->hall->ranks[c->rank].call = *call;
	barrier(c);
	for (int i = 0; i < c->size; i++) {
		struct call *other = &c->hall->ranks[i].call;
		if (other->what == call->what && other->type == call->type && other->count == call->count) continue;
		fprintf(stderr, "stand-in: rank %d calls %s for %zu, rank %d calls %s for %zu\n", c->rank, names[call->what],
		        call->count, i, names[other->what], other->count);
		_exit(1);
	}
	size_t bytes = call->count * size_of(call->type), step = SLOT / 64 * 64 / c->size / 8 * 8;
	for (size_t at = 0; at < bytes; at += step) {
		size_t n = bytes - at < step ? bytes - at : step;
		char *mine = c->hall->slots[c->rank];
		barrier(c);
		for (int i = 0; i < (call->what == REDUCE_SCATTER ? c->size : 1); i++) memcpy(mine + i * step, w->send + i * bytes + at, n);
		barrier(c);
		switch (call->what) {
		case REDUCE_SCATTER: total(c, w->receive + at, c->rank * step, n, call->type); break;
		case ALL_REDUCE: total(c, w->receive + at, 0, n, call->type); break;
		case BROADCAST: memcpy(w->receive + at, c->hall->slots[call->root], n); break;
		case ALL_GATHER:
			for (int i = 0; i < c->size; i++) memcpy(w->receive + i * bytes + at, c->hall->slots[i], n);
		}
	}
	barrier(c);
}

static int collect(int what, struct comm *c, const void *send, void *receive, size_t count, int type, int op, int root,
                   void *stream) {
	if (fovea_stub_current() != c->hall->ranks[c->rank].gpu) return refuse(INVALID_USAGE, "%s : the GPU is not the current one", names[what]);
	if (type != UINT8 && type != FLOAT32 && type != FLOAT64 || op || type == UINT8 && what != BROADCAST)
		return refuse(INVALID_ARGUMENT, "%s : type %d, operation %d", names[what], type, op);
	if (stream && !fovea_stub_has(STREAM, stream, 1)) return refuse(INVALID_ARGUMENT, "%s : stream is not valid", names[what]);
	size_t bytes = count * size_of(type);
	struct range from = {send, bytes * (what == REDUCE_SCATTER ? c->size : 1), 0};
	struct range to = {receive, bytes * (what == ALL_GATHER ? c->size : 1), 1};
	if (!fovea_stub_has(MEMORY, from.at, from.bytes) || !fovea_stub_has(MEMORY, to.at, to.bytes))
		return refuse(INVALID_ARGUMENT, "%s : a buffer is not memory of the GPU", names[what]);
	if (fovea_stub_order(stream, 1, (struct range[]){from, to}, 2, "%s %zu", names[what], count))
		return refuse(INVALID_USAGE, "%s : its data may not be ready", names[what]);
	struct work w = {c, {what, type, root, count}, send, receive};
	fovea_stub_enqueue(stream, work, &w, sizeof w);
	return OK;
}

int ncclReduceScatter(const void *send, void *receive, size_t count, int type, int op, struct comm *c, void *stream) {
	return collect(REDUCE_SCATTER, c, send, receive, count, type, op, 0, stream);
}

int ncclAllGather(const void *send, void *receive, size_t count, int type, struct comm *c, void *stream) {
	return collect(ALL_GATHER, c, send, receive, count, type, 0, 0, stream);
}

int ncclAllReduce(const void *send, void *receive, size_t count, int type, int op, struct comm *c, void *stream) {
	return collect(ALL_REDUCE, c, send, receive, count, type, op, 0, stream);
}

int ncclBroadcast(const void *send, void *receive, size_t count, int type, int root, struct comm *c, void *stream) {
	return collect(BROADCAST, c, send, receive, count, type, 0, root, stream);
}
