// Package screen knows how wide a terminal is.
//
//	if n, ok := screen.Columns(os.Stdout); ok {
//		text.Columns = n
//	}
package screen

import "os"

// Columns is the width of the terminal that a file is; false if it is none, or does not
// tell.
func Columns(f *os.File) (n int, ok bool) {
	n, err := columns(f.Fd())
	return n, err == nil && n > 0
}
