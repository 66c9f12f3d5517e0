package imported

import "fovea/graphs/transfer"

// FindHead finds the head of a classifier that was traced with batch images, see transfer.FindHead.
func (f *File) FindHead(batch int64) (*transfer.Head, error) {
	return transfer.FindHead(f.source.Model(), f.trace, batch, "")
}
