// Package shell gives a person a shell inside a lab, or runs one command there.
//
//	Config.Dir/bin/lab      prints Help, and the latest closes
//	Config.Dir/bin/lastack  this program
//	Config.Dir/help         Config.Help
//	Config.Dir/closes       what Closes wrote, up to a bound
//	Config.Dir/rc           the prompt
//
// It must be called inside a lab (package lab). Who made Dir removes it. The package
// knows nothing of hosts: what runs in the lab beside the shell is the caller's.
package shell
