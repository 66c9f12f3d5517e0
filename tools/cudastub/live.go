package cudastub

/*
#cgo linux LDFLAGS: -ldl
#ifdef __linux__
#include <dlfcn.h>

static int fovea_live(long out[6]) {
	void *library = dlopen("libcuda.so.1", RTLD_NOW);
	void (*live)(long *) = library ? (void (*)(long *))dlsym(library, "fovea_stub_live") : 0;
	if (!live) return 0;
	live(out);
	return 1;
}
#else
static int fovea_live(long out[6]) { return 0; }
#endif
*/
import "C"

import "testing"

// Counts has the numbers of resources that CUDA's driver and runtime made and that were not given back.
type Counts struct {
	Memory, PageLocked, Streams, Events, Modules int
	Bytes                                        int // of Memory
}

// Live returns the counts of this process. It works within [Run] only.
func Live(t *testing.T) Counts {
	t.Helper()
	var n [6]C.long
	if C.fovea_live(&n[0]) == 0 {
		t.Fatal("libcuda.so.1 is not the stand-in")
	}
	return Counts{int(n[0]), int(n[1]), int(n[2]), int(n[3]), int(n[4]), int(n[5])}
}
