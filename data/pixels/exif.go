package pixels

// isTurned reports whether EXIF data has an orientation other than the one in which an image is stored.
func isTurned(exif []byte) bool {
	t, err := readTIFF(exif)
	if err != nil {
		return false
	}
	o := t.number(tagOrientation, 1)
	return o >= 2 && o <= 8
}
