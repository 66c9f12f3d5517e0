// Nodes that tell, in the middle of a run, that it has come to them.
#ifndef FOVEA_ORT_SIGNALS_H
#define FOVEA_ORT_SIGNALS_H

#include "bridge.h"

#define FOVEA_DOMAIN "fovea"
#define FOVEA_SIGNAL "Signal"

struct fovea_signals;

struct fovea_signals *fovea_signals(size_t count);
OrtStatus *fovea_signals_add(struct fovea_signals *s, OrtSessionOptions *options);
void fovea_signals_reset(struct fovea_signals *s);
// fovea_signals_turn returns the how-manieth signal of the run it was, 0 before.
int fovea_signals_turn(struct fovea_signals *s, size_t i);
void fovea_signals_free(struct fovea_signals *s);

#endif
