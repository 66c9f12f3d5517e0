//go:build unix

package signals

/*
#include <signal.h>
#include <string.h>

enum { fovea_signals = 31 };
static struct sigaction fovea_saved[fovea_signals + 1];

static void fovea_save_signals(void) {
	memset(fovea_saved, 0, sizeof fovea_saved);
	for (int s = 1; s <= fovea_signals; s++) sigaction(s, NULL, &fovea_saved[s]);
}

static void fovea_restore_signals(void) {
	for (int s = 1; s <= fovea_signals; s++)
		if (s != SIGKILL && s != SIGSTOP) sigaction(s, &fovea_saved[s], NULL);
}
*/
import "C"

import "sync"

var guarding sync.Mutex

// Keep runs a function and undoes what it did to the signal handlers. NVIDIA's libraries may replace Go's handlers by
// ones without SA_ONSTACK, with which the next Ctrl-C would end the program in a crash.
func Keep(f func() error) error {
	guarding.Lock()
	defer guarding.Unlock()
	C.fovea_save_signals()
	defer C.fovea_restore_signals()
	return f()
}
