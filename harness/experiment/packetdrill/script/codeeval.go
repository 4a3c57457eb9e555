package script

import (
	"fmt"
	"math"
	"strings"
)

type noStatement struct{}

func (noStatement) run(*Env) error { return nil }

type assertStatement struct {
	pos   Pos
	cond  codeExpr
	text  string
	names []string
}

func (s *assertStatement) run(env *Env) error {
	v, err := s.cond.eval(env)
	if err != nil || truth(v) {
		return err
	}
	var values []string
	for _, name := range s.names {
		if v, ok := env.value(name); ok {
			values = append(values, fmt.Sprintf("%s is %d", name, v))
		}
	}
	return &AssertError{Pos: s.pos, Condition: s.text, Values: strings.Join(values, ", ")}
}

type assignStatement struct {
	pos   Pos
	name  string
	value codeExpr
}

// maxVars are the variables that a script may have.
const maxVars = 1000

func (s *assignStatement) run(env *Env) error {
	v, err := s.value.eval(env)
	if err != nil {
		return err
	}
	n, ok := v.(int64)
	if !ok {
		return &Error{s.pos, "only whole numbers can be assigned to a name"}
	}
	if env.Vars == nil {
		env.Vars = map[string]int64{}
	}
	if _, old := env.Vars[s.name]; !old && len(env.Vars) == maxVars {
		return &Error{s.pos, fmt.Sprintf("more than %d variables", maxVars)}
	}
	env.Vars[s.name] = n
	return nil
}

type ifStatement struct {
	cond codeExpr
	then Statement
}

func (s *ifStatement) run(env *Env) error {
	v, err := s.cond.eval(env)
	if err != nil || !truth(v) {
		return err
	}
	return s.then.run(env)
}

// codeExpr is an expression; its value is an int64, a float64, a string or a []any.
type codeExpr interface {
	eval(env *Env) (any, error)
}

type literal struct{ value any }

func (l literal) eval(*Env) (any, error) { return l.value, nil }

type nameExpr struct {
	pos  Pos
	name string
}

func (n *nameExpr) eval(env *Env) (any, error) {
	if v, ok := env.value(n.name); ok {
		return v, nil
	}
	return nil, &Error{n.pos, "the subject has no value for " + quote(n.name)}
}

type listExpr struct{ elements []codeExpr }

func (l *listExpr) eval(env *Env) (any, error) {
	all := make([]any, 0, len(l.elements))
	for _, e := range l.elements {
		v, err := e.eval(env)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// chainExpr is "a < b <= c", each pair of neighbours compared by the operator between them.
type chainExpr struct {
	pos      Pos
	operands []codeExpr
	ops      []string
}

func (c *chainExpr) eval(env *Env) (any, error) {
	x, err := c.operands[0].eval(env)
	for i, op := range c.ops {
		if err != nil {
			break
		}
		var y any
		if y, err = c.operands[i+1].eval(env); err != nil {
			break
		}
		var ok bool
		if ok, err = compare(c.pos, op, x, y); err != nil || !ok {
			return int64(0), err
		}
		x = y
	}
	return int64(1), err
}

type unaryExpr struct {
	pos Pos
	op  string
	x   codeExpr
}

func (u *unaryExpr) eval(env *Env) (any, error) {
	v, err := u.x.eval(env)
	if err != nil {
		return nil, err
	}
	n, whole := v.(int64)
	switch f, fraction := v.(float64); {
	case u.op == "not":
		return number01(!truth(v)), nil
	case u.op == "-" && fraction:
		return -f, nil
	case u.op == "-" && whole && n != math.MinInt64:
		return -n, nil
	case u.op == "~" && whole:
		return ^n, nil
	case u.op == "+" && (whole || fraction):
		return v, nil
	}
	return nil, &Error{u.pos, quote(u.op) + " has no meaning before this"}
}

type binaryExpr struct {
	pos  Pos
	op   string
	x, y codeExpr
}

func (b *binaryExpr) eval(env *Env) (any, error) {
	x, err := b.x.eval(env)
	if err != nil {
		return nil, err
	}
	if b.op == "and" && !truth(x) || b.op == "or" && truth(x) {
		return x, nil
	}
	y, err := b.y.eval(env)
	if err != nil || b.op == "and" || b.op == "or" {
		return y, err
	}
	v, ok := arithmetic(b.op, x, y)
	if !ok {
		return nil, &Error{b.pos, quote(b.op) + " cannot be computed of these operands, or its result is out of range"}
	}
	return v, nil
}

type callExpr struct {
	pos  Pos
	name string
	args []codeExpr
}

func (c *callExpr) eval(env *Env) (any, error) {
	l := &listExpr{c.args}
	v, err := l.eval(env)
	if err != nil {
		return nil, err
	}
	args := v.([]any)
	if len(args) == 1 {
		if inner, ok := args[0].([]any); ok {
			args = inner
		}
	}
	out, ok := functions[c.name](args)
	if !ok {
		return nil, &Error{c.pos, c.name + " cannot be computed of these arguments"}
	}
	return out, nil
}
