// Which work of the streams is known to be done before which, and a log of it. Each stream counts its work. A stream knows
// of others how much of their work is done before its own: what events that it waits for tell, and what the program had
// waited for. Work on the memory of a collective, by another stream that does not know, is refused: so is a collective
// whose data may not be ready.
#include "state.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS = FOVEA_STUB_CLOCK, REMEMBERED = 512 };

typedef unsigned long clock_of[STREAMS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { void *handle; clock_of knows; int used; } streams[STREAMS]; // the first: of the stream NULL
static clock_of program;                                                  // what the program has waited for
static unsigned long sessions[STREAMS];                                   // each stream's last kernel of a session

static struct access {
	const char *at;
	size_t bytes;
	int written, collective, stream;
	unsigned long time;
	char what[32];
} accesses[REMEMBERED];
static size_t next;

static void learn(clock_of to, const clock_of from) {
	for (int i = 0; i < STREAMS; i++)
		if (to[i] < from[i]) to[i] = from[i];
}

// Call with the lock held.
static int number(void *stream) {
	if (!stream) return 0;
	for (int i = 1; i < STREAMS; i++)
		if (streams[i].used && streams[i].handle == stream) return i;
	for (int i = 1; i < STREAMS; i++)
		if (!streams[i].used) {
			streams[i].used = 1, streams[i].handle = stream;
			return i;
		}
	abort();
}

void fovea_stub_forget(void *stream) {
	pthread_mutex_lock(&lock);
	streams[number(stream)].used = 0; // its number is given to another one, and counts on
	pthread_mutex_unlock(&lock);
}

void fovea_stub_forget_memory(const void *at, size_t bytes) {
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < REMEMBERED; i++)
		if (accesses[i].at >= (const char *)at && accesses[i].at < (const char *)at + bytes) accesses[i].bytes = 0;
	pthread_mutex_unlock(&lock);
}

// Call with the lock held.
static void note(int stream, const char *text) {
	const char *path = getenv("FOVEA_CUDA_STUB_LOG");
	FILE *f = path ? fopen(path, "a") : NULL;
	if (!f) return;
	fprintf(f, "stream %d: %s\n", stream, text);
	fclose(f);
}

int fovea_stub_order(void *stream, int collective, const struct range *ranges, int n, const char *format, ...) {
	char text[128];
	va_list values;
	va_start(values, format);
	vsnprintf(text, sizeof text, format, values);
	va_end(values);
	pthread_mutex_lock(&lock);
	int s = number(stream), result = SUCCESS;
	unsigned long *knows = streams[s].knows;
	learn(knows, program);
	unsigned long now = ++knows[s];
	note(s, text);
	for (size_t i = 0; i < REMEMBERED; i++) {
		struct access *a = &accesses[i];
		if (!a->bytes || a->stream == s || knows[a->stream] >= a->time || !(a->collective || collective)) continue;
		for (int k = 0; k < n; k++) {
			const char *at = ranges[k].at;
			if (at >= a->at + a->bytes || a->at >= at + ranges[k].bytes || !(a->written || ranges[k].written)) continue;
			fprintf(stderr, "stand-in: %s on stream %d does not wait for %s on stream %d\n", text, s, a->what, a->stream);
			result = NOT_READY;
		}
	}
	for (int i = 0; collective && i < STREAMS; i++)
		if (i != s && knows[i] < sessions[i]) {
			fprintf(stderr, "stand-in: %s on stream %d does not wait for a session on stream %d\n", text, s, i);
			result = NOT_READY;
		}
	for (int k = 0; k < n; k++) {
		struct access *a = &accesses[next++ % REMEMBERED];
		*a = (struct access){ranges[k].at, ranges[k].bytes, ranges[k].written, collective, s, now};
		snprintf(a->what, sizeof a->what, "%s", text);
	}
	pthread_mutex_unlock(&lock);
	return result;
}

void fovea_stub_session(void *stream) {
	pthread_mutex_lock(&lock);
	int s = number(stream);
	learn(streams[s].knows, program);
	sessions[s] = ++streams[s].knows[s];
	pthread_mutex_unlock(&lock);
}

void fovea_stub_order_record(void *stream, unsigned long *event) {
	pthread_mutex_lock(&lock);
	int s = number(stream);
	learn(streams[s].knows, program);
	memcpy(event, streams[s].knows, sizeof(clock_of));
	note(s, "record");
	pthread_mutex_unlock(&lock);
}

void fovea_stub_order_wait(void *stream, const unsigned long *event) {
	pthread_mutex_lock(&lock);
	int s = number(stream);
	learn(streams[s].knows, event);
	note(s, "wait");
	pthread_mutex_unlock(&lock);
}

void fovea_stub_order_synchronize(void *stream) {
	pthread_mutex_lock(&lock);
	learn(program, streams[number(stream)].knows);
	pthread_mutex_unlock(&lock);
}

void fovea_stub_order_synchronize_event(const unsigned long *event) {
	pthread_mutex_lock(&lock);
	learn(program, event);
	pthread_mutex_unlock(&lock);
}

void fovea_stub_order_synchronize_all(void) {
	pthread_mutex_lock(&lock);
	for (int i = 0; i < STREAMS; i++) learn(program, streams[i].knows);
	pthread_mutex_unlock(&lock);
}
