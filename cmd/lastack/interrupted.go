package main

import (
	"context"
	"errors"
	"io"
)

// interrupted is what a command ends with whose work ended with err. Where the end of ctx is
// the reason, it says so, with what was done until then ("" says nothing of it), and doc (nil
// for none), the document of --json about that, is printed first.
func interrupted(ctx context.Context, w io.Writer, err error, done string, doc any) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	text := "interrupted"
	if done != "" {
		text += ": " + done
	}
	err = &exitError{code: exitInterrupted, err: errors.New(text)}
	if doc != nil {
		err = errors.Join(err, writeJSON(w, doc))
	}
	return err
}

// unrun is what a file of results says of those that are missing because work ended with err.
func unrun(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return "not run: lastack was interrupted"
	}
	return "not run: " + err.Error()
}

// resultsDocument is the document about results of one kind.
type resultsDocument[T any] struct {
	Results []T  `json:"results"`
	Passed  bool `json:"passed"`
	// Interrupted: Ctrl-C ended the work, and the rest of the results is missing.
	Interrupted bool `json:"interrupted,omitempty"`
}

// cutResults is the document about results of work that was interrupted, if it is asked for.
func cutResults[T any](asked bool, list []T) any {
	if !asked {
		return nil
	}
	return resultsDocument[T]{Results: append([]T{}, list...), Interrupted: true}
}
