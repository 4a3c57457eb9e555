package programs

import (
	"encoding/json"
	"testing"

	"lastack/harness/lab/labtest"
)

func TestTry(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, tr := range []Trial{Leaks, Database} {
		for _, l := range []bool{false} {
			r, err := Run(t.Context(), tr, Config{Lastack: l})
			b, _ := json.MarshalIndent(r, "", " ")
			t.Logf("%v %s", err, b)
		}
	}
}
