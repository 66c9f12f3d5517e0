package ort

// childEnv makes this test program do one thing in a process of its own, for
// what can be done only once a process: loading a library.
const childEnv = "FOVEA_ORT_TEST_CHILD"

func child(string) int { return 0 }
