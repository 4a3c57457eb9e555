package privilege

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// ErrUneven says that a thread has other capabilities or another user than the rest,
// which some other code must have given it. Nothing was dropped.
var ErrUneven = errors.New("the threads of this process do not all have the same privileges; drop before changing any thread's")

// ErrProc says that a binary with cgo cannot find its threads: psx sends signals to those
// that /proc lists, by their numbers in another PID namespace. Nothing was dropped.
var ErrProc = errors.New("the /proc here is another PID namespace's, in which a binary with cgo does not find its threads; mount -t proc proc /proc, or build it with CGO_ENABLED=0")

// Result says what Drop did.
type Result struct {
	// User is whom the process has become; nil if it stays whom it was.
	User *User
	// StaysRoot is why root stays root, who can read and write root's files without any
	// capability; empty if it did not. It is empty, too, for the root of a user
	// namespace who is an ordinary user outside it.
	StaysRoot string
	// Dropped were permitted before and are no more. Empty for an ordinary user.
	Dropped []Capability
	// Kept are those of Drop's arguments that the process has.
	Kept []Capability
	// Bounding reports that the bounding set was reduced too, which takes
	// CAP_SETPCAP. Where it is false, no_new_privs alone keeps programs that
	// this process executes from gaining capabilities; it suffices.
	Bounding bool
}

// Drop becomes the user (nil: stays the same) in that one's group alone, and gives up
// every capability that is not named, in all threads of the process and of those it
// will have, for good: from the effective, permitted, inheritable and ambient sets, and,
// where the process may, from the bounding set. It sets no_new_privs, so that no executed
// program, set-user-ID or not, gets any back; sudo and su do not work below this process
// any more.
//
// Naming a capability that the process does not have is no error. A process without any,
// an ordinary user's, only gets no_new_privs. It may be called again, to give up more.
// Where the user cannot be changed, Result says so, and the rest is done.
//
// It fails with ErrUneven or ErrProc before it has changed anything. After any other error the
// process is somewhere in between, and should end.
//
// It takes a few milliseconds, in which all threads are stopped some fifty times. A
// thread whose capabilities other code changes in that time ends the program; see
// syscall.AllThreadsSyscall.
func Drop(to *User, keep ...Capability) (Result, error) {
	if self, err := os.Readlink("/proc/self"); withCgo && (err != nil || self != strconv.Itoa(os.Getpid())) {
		return Result{}, fmt.Errorf("privilege: give up privileges: %w", ErrProc)
	}
	if err := even(tasks); err != nil {
		return Result{}, fmt.Errorf("privilege: give up privileges: %w", err)
	}
	r, err := drop(to, keep)
	if err == nil {
		err = verify(&r)
	}
	if err != nil {
		return r, fmt.Errorf("privilege: give up privileges: %w; end the process, it may have kept some", err)
	}
	return r, nil
}

func drop(to *User, keep []Capability) (r Result, err error) {
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return r, fmt.Errorf("prctl PR_SET_NO_NEW_PRIVS: %w", err)
	}
	before := cap.GetProc()
	effective := list(before, cap.Effective)
	// CAP_SETPCAP is what reducing the bounding set needs, so that comes first.
	if in(before, cap.Permitted, SetPCap) {
		if err := reduceBounding(keep); err != nil {
			return r, err
		}
		r.Bounding = true
	}
	if to != nil {
		if r.StaysRoot, err = become(*to, before); err != nil {
			return r, err
		}
		if now := unix.Getuid(); now == to.UID {
			r.User = to
		}
	}
	// The kernel takes out of the ambient set what leaves these.
	after := cap.NewSet()
	for _, c := range list(before, cap.Permitted) {
		if !slices.Contains(keep, c) {
			r.Dropped = append(r.Dropped, c)
			continue
		}
		r.Kept = append(r.Kept, c)
		err = errors.Join(err, after.SetFlag(cap.Permitted, true, c))
		err = errors.Join(err, after.SetFlag(cap.Effective, slices.Contains(effective, c), c))
		err = errors.Join(err, after.SetFlag(cap.Inheritable, in(before, cap.Inheritable, c), c))
	}
	if err == nil {
		err = after.SetProc()
	}
	if err != nil {
		return r, fmt.Errorf("capset: %w", err)
	}
	return r, nil
}

// reduceBounding removes what is not kept from the bounding set.
func reduceBounding(keep []Capability) error {
	var gone []Capability
	for c := Capability(0); c < cap.MaxBits(); c++ {
		if is, err := cap.GetBound(c); err == nil && is && !slices.Contains(keep, c) {
			gone = append(gone, c)
		}
	}
	if err := cap.DropBound(gone...); err != nil {
		return fmt.Errorf("prctl PR_CAPBSET_DROP: %w", err)
	}
	return nil
}

// become changes the user, or says why root stays root.
func become(to User, before *cap.Set) (staysRoot string, err error) {
	users, err := readMap("/proc/self/uid_map")
	if err != nil {
		return "", err
	}
	groups, err := readMap("/proc/self/gid_map")
	if err != nil {
		return "", err
	}
	_, userKnown := outside(users, to.UID)
	_, groupKnown := outside(groups, to.GID)
	if !userKnown || !groupKnown {
		if really, _ := outside(users, 0); really != 0 {
			return "", nil
		}
		return fmt.Sprintf("user %d or group %d does not exist in this user namespace", to.UID, to.GID), nil
	}
	if !in(before, cap.Permitted, cap.SETUID) || !in(before, cap.Permitted, cap.SETGID) {
		return "changing the user needs CAP_SETUID and CAP_SETGID, which are not given (docker run --cap-add SETUID --cap-add SETGID)", nil
	}
	if err := cap.SetGroups(to.GID); err != nil {
		return "", fmt.Errorf("change to group %d alone: %w", to.GID, err)
	}
	if err := cap.SetUID(to.UID); err != nil {
		return "", fmt.Errorf("change to user %d: %w", to.UID, err)
	}
	return "", nil
}
