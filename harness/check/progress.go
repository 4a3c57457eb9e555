package check

import "time"

// Progress is how far a run of checks is.
type Progress struct {
	// Check is the name of the one that begins, the Number-th (from 1) of Of.
	Check      string
	Number, Of int
	// Left is about how long the rest takes, that check included, by what checks take
	// where nothing differs.
	Left time.Duration
}
