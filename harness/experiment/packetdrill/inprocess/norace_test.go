//go:build !race

package inprocess_test

const rounds = 20
