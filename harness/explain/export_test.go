package explain

// SetLongFile sets from how many bytes on a file is read in halves.
func (a *Analysis) SetLongFile(bytes int64) { a.longFile = bytes }

// InHalves reports whether it was.
func (a *Analysis) InHalves() bool { return a.inHalves }
