// Package inprocess is lastack as a packetdrill subject, in this process: a stack.Host on
// a link in memory, with the socket calls of a kernel.
//
// # Virtual time
//
// With Config.Virtual the host lives by a clock that stands still until the stack is at
// rest, and jumps to the next timer then. A minute of TIME_WAIT is a few jumps.
//
// At rest means that nothing will happen before a timer fires. What could happen is known
// entirely, and waited for, part by part:
//
//   - packets that were injected: the link's only reader has taken them all, handed each to
//     netstack, and asks for the next (device.idle);
//   - segments in netstack's queues: its only worker has emptied them (stack.Host.Drain;
//     a Host that is made while GOMAXPROCS is 1 has one worker);
//   - timers that are due, among them what the close path puts off: they are called here,
//     one by one, in the order of their times (clock.fire);
//   - system calls: they are tried here, and those that block again at each rest.
//
// What one part does may give another something to do, so that it goes round until a
// round fired no timer. There is no guess and no pause in it: what the stack sends has the
// same virtual time on an idle machine and on a busy one.
package inprocess
