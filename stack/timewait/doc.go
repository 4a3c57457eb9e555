// Package timewait is the table of connections in TIME_WAIT, and the rules by
// which it answers.
package timewait
