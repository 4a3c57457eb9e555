package helper

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Serve is a helper: it says that it is ready, and answers requests with what do returns,
// one after the other, until in ends.
func Serve(in io.Reader, out io.Writer, name string, do func(*Request) *Response) error {
	enc := json.NewEncoder(out)
	if err := enc.Encode(ready{name}); err != nil {
		return err
	}
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 4<<10), MaxRequest)
	for s.Scan() {
		var r Request
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			return fmt.Errorf("a request that cannot be read: %w", err)
		}
		if err := enc.Encode(do(&r)); err != nil {
			return err
		}
	}
	return s.Err()
}
