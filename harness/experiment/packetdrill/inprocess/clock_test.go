package inprocess

import (
	"slices"
	"testing"
	"time"
)

func TestClockFiresInOrder(t *testing.T) {
	c := &clock{}
	var fired []string
	note := func(s string) func() { return func() { fired = append(fired, s) } }
	c.AfterFunc(2*time.Second, note("late"))
	c.AfterFunc(time.Second, note("first"))
	c.AfterFunc(time.Second, note("second"))
	stopped := c.AfterFunc(time.Second, note("stopped"))
	again := c.AfterFunc(time.Second, note("again"))
	c.AfterFunc(time.Second, func() { c.AfterFunc(0, note("at once")) })
	if !stopped.Stop() || stopped.Stop() {
		t.Error("a timer stops once")
	}
	again.Reset(3 * time.Second)
	for c.fire(2 * time.Second) {
	}
	want := []string{"first", "second", "at once", "late"}
	if !slices.Equal(fired, want) || c.elapsed() != 2*time.Second {
		t.Errorf("%v at %v, want %v", fired, c.elapsed(), want)
	}
	c.jump(time.Hour)
	if c.jump(time.Minute); c.elapsed() != time.Hour {
		t.Errorf("the clock went back to %v", c.elapsed())
	}
	if now := c.Now(); !now.Equal(started.Add(time.Hour)) {
		t.Errorf("Now is %v", now)
	}
	if !c.fire(time.Hour) || fired[4] != "again" || c.fire(time.Hour) {
		t.Errorf("the timer that was reset: %v", fired)
	}
}
