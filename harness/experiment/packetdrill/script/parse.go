package script

import "errors"

// Parse reads a script; file is its name in positions and errors. An error about the
// script is an *Error.
func Parse(file string, text []byte, c Config) (*Script, error) {
	return nil, errors.New("packetdrill scripts cannot be read yet")
}
