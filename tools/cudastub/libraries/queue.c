// What is queued on streams. It is done at once or, with FOVEA_CUDA_STUB_ASYNC=1 in the environment, behind the
// program's back by a thread of each stream, which takes its time: then a wait that is missing shows.
#include "state.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct work {
	void (*f)(void *);
	void *data;
	struct work *next;
};

struct queue {
	pthread_t thread;
	struct work *first, **last;
	int busy, closed, gpu; // -1: any. The stream NULL counts for none: who puts work there waits for it
	struct queue *next;
};

struct point { // of an event: the number of times that it was recorded, and of those that were reached
	unsigned long recorded, reached, knows[FOVEA_STUB_CLOCK];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct queue *queues, *standard; // standard: of the stream NULL

static int asynchronous(void) {
	static int known = -1;
	if (known < 0) known = getenv("FOVEA_CUDA_STUB_ASYNC") != NULL;
	return known;
}

static __thread struct queue *serving; // by this thread

static void *serve(void *argument) {
	struct queue *q = serving = argument;
	unsigned seed = (unsigned)(size_t)q;
	pthread_mutex_lock(&lock);
	for (;;) {
		while (!q->first && !q->closed) pthread_cond_wait(&changed, &lock);
		struct work *w = q->first;
		if (!w) break;
		if (!(q->first = w->next)) q->last = &q->first;
		q->busy = 1;
		pthread_mutex_unlock(&lock);
		if (rand_r(&seed) % 4 == 0) usleep(rand_r(&seed) % 2000);
		w->f(w->data);
		free(w->data);
		free(w);
		pthread_mutex_lock(&lock);
		q->busy = 0;
		pthread_cond_broadcast(&changed);
	}
	struct queue **at = &queues;
	while (*at != q) at = &(*at)->next;
	*at = q->next;
	pthread_mutex_unlock(&lock);
	free(q);
	return NULL;
}

// Call with the lock held.
static struct queue *queue_of(void *stream) {
	struct queue **at = stream ? stream : (void *)&standard;
	if (*at) return *at;
	struct queue *q = *at = calloc(1, sizeof *q);
	q->gpu = stream ? fovea_stub_current() : 1 << 30;
	q->last = &q->first, q->next = queues, queues = q;
	pthread_create(&q->thread, NULL, serve, q);
	pthread_detach(q->thread);
	return q;
}

void fovea_stub_enqueue(void *stream, void (*f)(void *), const void *data, size_t bytes) {
	struct work *w = malloc(sizeof *w);
	*w = (struct work){f, memcpy(malloc(bytes + 1), data, bytes)};
	if (!asynchronous()) {
		f(w->data);
		free(w->data);
		free(w);
		return;
	}
	pthread_mutex_lock(&lock);
	struct queue *q = queue_of(stream);
	*q->last = w, q->last = &w->next;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void fovea_stub_wait(void *stream) {
	pthread_mutex_lock(&lock);
	struct queue *q = asynchronous() ? queue_of(stream) : NULL;
	while (q && (q->first || q->busy)) pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	fovea_stub_order_synchronize(stream);
}

// Call with the lock held. gpu -1 means all of them.
static int busy(int gpu) {
	for (struct queue *q = queues; q; q = q->next)
		if ((gpu < 0 || q->gpu < 0 || q->gpu == gpu) && (q->first || q->busy)) return 1;
	return 0;
}

int fovea_stub_busy(void) {
	pthread_mutex_lock(&lock);
	int b = busy(fovea_stub_current());
	pthread_mutex_unlock(&lock);
	return b;
}

void fovea_stub_wait_all(void) {
	pthread_mutex_lock(&lock);
	while (busy(-1)) pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	fovea_stub_order_synchronize_all();
}

void fovea_stub_close_queue(void *stream) {
	pthread_mutex_lock(&lock);
	struct queue *q = *(struct queue **)stream;
	if (q) q->closed = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

struct copy {
	void *to;
	const void *from;
	size_t bytes;
};

static void copy(void *data) {
	struct copy *c = data;
	memmove(c->to, c->from, c->bytes);
}

static void copy_freeing(void *data) {
	copy(data);
	free((void *)((struct copy *)data)->from);
}

// The rules for memory that is not page-locked are those of CUDA's "API synchronization behavior".
int fovea_stub_copy(void *stream, void *to, const void *from, size_t bytes, int from_host, int to_host) {
	struct copy c = {to, from, bytes};
	struct range ranges[] = {{to, bytes, 1}, {from, bytes, 0}};
	int result = fovea_stub_order(stream, 0, ranges + to_host, from_host || to_host ? 1 : 2, "copy %zu", bytes);
	if (result) return result;
	if (asynchronous() && from_host && !fovea_stub_has(PAGE_LOCKED, from, bytes)) {
		c.from = memcpy(malloc(bytes), from, bytes);
		fovea_stub_enqueue(stream, copy_freeing, &c, sizeof c);
		return SUCCESS;
	}
	fovea_stub_enqueue(stream, copy, &c, sizeof c);
	if (to_host && !fovea_stub_has(PAGE_LOCKED, to, bytes)) fovea_stub_wait(stream);
	return SUCCESS;
}

struct fill {
	void *at;
	int value;
	size_t bytes;
};

static void fill(void *data) {
	struct fill *f = data;
	memset(f->at, f->value, f->bytes);
}

int fovea_stub_fill(void *stream, void *at, int value, size_t bytes) {
	int result = fovea_stub_order(stream, 0, &(struct range){at, bytes, 1}, 1, "fill %zu", bytes);
	if (!result) fovea_stub_enqueue(stream, fill, &(struct fill){at, value, bytes}, sizeof(struct fill));
	return result;
}

struct mark {
	struct point *point;
	unsigned long number;
};

static void reach(void *data) {
	struct mark *m = data;
	pthread_mutex_lock(&lock);
	if (m->point->reached < m->number) m->point->reached = m->number;
	if (serving) serving->busy = 0; // who waited for the event finds nothing under way
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void await(void *data) {
	struct mark *m = data;
	pthread_mutex_lock(&lock);
	while (m->point->reached < m->number) pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

// An event's memory holds its point, which is never freed: streams may still refer to it.
static struct mark mark(void *event, int more) {
	pthread_mutex_lock(&lock);
	struct point **p = event;
	if (!*p) *p = calloc(1, sizeof **p);
	struct mark m = {*p, (*p)->recorded += more};
	pthread_mutex_unlock(&lock);
	return m;
}

void fovea_stub_record(void *event, void *stream) {
	struct mark m = mark(event, 1);
	fovea_stub_order_record(stream, m.point->knows);
	fovea_stub_enqueue(stream, reach, &m, sizeof m);
}

void fovea_stub_wait_event(void *stream, void *event) {
	struct mark m = mark(event, 0);
	fovea_stub_order_wait(stream, m.point->knows);
	fovea_stub_enqueue(stream, await, &m, sizeof m);
}

void fovea_stub_synchronize_event(void *event) {
	struct mark m = mark(event, 0);
	await(&m);
	fovea_stub_order_synchronize_event(m.point->knows);
}
