package store

import "io/fs"

func openObject(string) (File, error)                      { return nil, errNoStores }
func readObject(string, int64) ([]byte, error)             { return nil, errNoStores }
func statObject(string) (fs.FileInfo, error)               { return nil, errNoStores }
func readFolder(string) (folders, files []string, _ error) { return nil, nil, errNoStores }
func locateObject(string) (string, error)                  { return "", errNoStores }
