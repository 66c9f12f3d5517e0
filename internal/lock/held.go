package lock

import "os"

// Held reports whether another process holds the lock of a file. It is false if the file is not there.
func Held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := Try(f)
	return err == nil && !free
}
