//go:build !linux

package main

import "github.com/spf13/cobra"

// completeLinux: the commands that need Linux have no flags here.
func completeLinux(*cobra.Command) {}
