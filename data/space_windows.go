package data

import "golang.org/x/sys/windows"

// freeSpace is what this user may still write to the disk that a folder is on, in bytes.
func freeSpace(dir string) (free uint64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	return free, windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
}
