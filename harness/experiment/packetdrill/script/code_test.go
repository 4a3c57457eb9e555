package script

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"
)

// parseCode reads statements.
func parseCode(t *testing.T, code string) *Code {
	t.Helper()
	s, err := Parse("x", []byte("0 %{"+code+"}%"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Events[0].Action.(*Code)
}

// expressions have values by which they differ from those that a mistake in precedence,
// sign or rounding would give.
var expressions = []string{
	"1 + 2 * 3 - 4", "(1 + 2) * 3", "7 // 2", "-7 // 2", "7 // -2", "-7 % 3", "7 % -3", "2 * 3 % 4",
	"1 | 2 ^ 3 & 6", "1 << 2 + 1", "256 >> 2 >> 1", "~5 & 7", "-2 - -3", "not 0 == 1", "not (1 and 0)",
	"1 < 2 < 3", "1 < 3 < 2", "3 > 2 >= 2 != 1", "0 or 5", "0 and 5", "3 and 4 or 5", "1 == 1 and 2 == 2",
	"5 in (1, 5)", "5 not in [1, 2]", "5 in ()", "1 & 3 == 1", "(1 & 3) == 1", "min(3, 1, 2) + max([4, 9])", "abs(-3) + int(2.9)",
	"7 / 2 * 2", "int(1000 * 1.5)", "0x1F + 1", "'a' == 'a'", "'a' < \"b\"",
}

// TestExpressions holds the values of expressions against Python's.
func TestExpressions(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs Python, to compare with: apt install python3")
	}
	out, err := exec.Command(python, "-c", "print(int("+strings.Join(expressions, "), int(")+"))").CombinedOutput()
	if err != nil {
		t.Fatalf("python3: %v: %s", err, out)
	}
	for i, want := range strings.Fields(string(out)) {
		env := &Env{}
		if err := parseCode(t, "x = int("+expressions[i]+")").Run(env); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprint(env.Vars["x"]); got != want {
			t.Errorf("%s is %s, and for Python %s", expressions[i], got, want)
		}
	}
}

// TestRun: statements, names, and what an assertion says that does not hold.
func TestRun(t *testing.T) {
	env := &Env{Lookup: func(name string) (int64, bool) {
		v, ok := map[string]int64{"tcpi_snd_cwnd": 10, "tcpi_options": 32, "tcpi_state": 8}[name]
		return v, ok
	}}
	const holds = `
cwnd = 4; cwnd += 6   # as in
print tcpi_snd_cwnd, 'a'
print("x", cwnd)
assert tcpi_snd_cwnd == cwnd, 'cwnd=%d' % tcpi_snd_cwnd; \
assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0, tcpi_options
assert tcpi_state in (TCP_CLOSE_WAIT,
                      TCP_LAST_ACK)
if cwnd > 10: assert False
pass
`
	if err := parseCode(t, holds).Run(env); err != nil {
		t.Error(err)
	}
	if !maps.Equal(env.Vars, map[string]int64{"cwnd": 10}) {
		t.Errorf("variables %v", env.Vars)
	}
	err := parseCode(t, " assert 5 < tcpi_snd_cwnd < cwnd, 'no' ").Run(env)
	var assert *AssertError
	want := `x:1:6: "5 < tcpi_snd_cwnd < cwnd" does not hold: tcpi_snd_cwnd is 10, cwnd is 10`
	if !errors.As(err, &assert) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for code, want := range map[string]string{
		"assert tcpi_rtt > 0":             `x:1:12: the subject has no value for "tcpi_rtt"`,
		"a = 1 // 0":                      `x:1:11: "//" cannot be computed of these operands, or its result is out of range`,
		"a = 9223372036854775807 + 1":     `x:1:29: "+" cannot be computed of these operands, or its result is out of range`,
		"a = 4611686018427387904 * 2":     `x:1:29: "*" cannot be computed of these operands, or its result is out of range`,
		"a = 1 << 63":                     `x:1:11: "<<" cannot be computed of these operands, or its result is out of range`,
		"a = 'x' + 1":                     `x:1:13: "+" cannot be computed of these operands, or its result is out of range`,
		"assert 'x' < 1":                  `x:1:16: "<" cannot compare these operands`,
		"a = (1, 2)":                      "x:1:5: only whole numbers can be assigned to a name",
		"a = -'x'":                        `x:1:9: "-" has no meaning before this`,
		"a = min()":                       "x:1:9: min cannot be computed of these arguments",
		"assert tcpi_state == TCP_LISTEN": `x:1:5: "tcpi_state == TCP_LISTEN" does not hold: tcpi_state is 8, TCP_LISTEN is 10`,
	} {
		if err := parseCode(t, code).Run(env); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", code, err, want)
		}
	}
}

// TestVariables: a script's variables are bounded, whatever Env is kept for.
func TestVariables(t *testing.T) {
	env := &Env{Vars: map[string]int64{}}
	for i := range int64(maxVars) {
		env.Vars[fmt.Sprint("v", i)] = i
	}
	if err := parseCode(t, "v1 = 2").Run(env); err != nil {
		t.Error(err)
	}
	if err := parseCode(t, "new = 2").Run(env); err == nil || len(env.Vars) != maxVars {
		t.Errorf("%d variables, %v", len(env.Vars), err)
	}
}
