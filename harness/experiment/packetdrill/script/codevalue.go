package script

import (
	"math"
	"math/bits"
)

func truth(v any) bool {
	switch v := v.(type) {
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	}
	return false
}

func number01(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func compare(pos Pos, op string, x, y any) (bool, error) {
	if list, ok := y.([]any); ok && (op == "in" || op == "not in") {
		for _, e := range list {
			if order, ok := compared(x, e); ok && order == 0 {
				return op == "in", nil
			}
		}
		return op == "not in", nil
	}
	order, ok := compared(x, y)
	if !ok || op == "in" || op == "not in" {
		switch op {
		case "==":
			return false, nil
		case "!=":
			return true, nil
		}
		return false, &Error{pos, quote(op) + " cannot compare these operands"}
	}
	switch op {
	case "==":
		return order == 0, nil
	case "!=":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

// compared orders two numbers or two strings.
func compared(x, y any) (order int, ok bool) {
	if a, ok := x.(int64); ok {
		if b, ok := y.(int64); ok {
			return cmpOrdered(a, b), true
		}
	}
	if a, ok := x.(string); ok {
		if b, ok := y.(string); ok {
			return cmpOrdered(a, b), true
		}
	}
	a, ok1 := float(x)
	b, ok2 := float(y)
	return cmpOrdered(a, b), ok1 && ok2
}

func cmpOrdered[T int64 | float64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// arithmetic computes with two numbers; false if it cannot, or if the result is beyond 64
// bits. As in Python, / gives a fraction, // and % round down.
func arithmetic(op string, x, y any) (any, bool) {
	a, ok1 := x.(int64)
	b, ok2 := y.(int64)
	if ok1 && ok2 && op != "/" {
		return whole(op, a, b)
	}
	f, ok1 := float(x)
	g, ok2 := float(y)
	if !ok1 || !ok2 {
		return nil, false
	}
	switch op {
	case "+":
		return f + g, true
	case "-":
		return f - g, true
	case "*":
		return f * g, true
	case "/":
		return f / g, g != 0
	case "//":
		return math.Floor(f / g), g != 0
	case "%":
		return f - g*math.Floor(f/g), g != 0
	}
	return nil, false
}

func whole(op string, a, b int64) (any, bool) {
	switch op {
	case "+":
		return a + b, (a+b > a) == (b > 0)
	case "-":
		return a - b, (a-b < a) == (b > 0)
	case "*":
		hi, lo := bits.Mul64(magnitude(a), magnitude(b))
		return a * b, hi == 0 && lo <= math.MaxInt64
	case "//", "%":
		if b == 0 || a == math.MinInt64 && b == -1 {
			return nil, false
		}
		quotient, rest := a/b, a%b
		if rest != 0 && (rest < 0) != (b < 0) {
			quotient, rest = quotient-1, rest+b
		}
		if op == "%" {
			return rest, true
		}
		return quotient, true
	case "&":
		return a & b, true
	case "|":
		return a | b, true
	case "^":
		return a ^ b, true
	case "<<":
		if b < 0 || b > 62 {
			return nil, false
		}
		return a << b, a<<b>>b == a
	case ">>":
		if b < 0 {
			return nil, false
		}
		return a >> min(b, 63), true
	}
	return nil, false
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// functions are those that code may call; false for arguments that they do not take.
var functions = map[string]func([]any) (any, bool){
	"abs": func(args []any) (any, bool) {
		if len(args) != 1 {
			return nil, false
		}
		if n, ok := args[0].(int64); ok {
			return max(n, -n), n != math.MinInt64
		}
		f, ok := float(args[0])
		return math.Abs(f), ok
	},
	"int": func(args []any) (any, bool) {
		if len(args) != 1 {
			return nil, false
		}
		if n, ok := args[0].(int64); ok {
			return n, true
		}
		f, ok := float(args[0])
		return int64(f), ok && math.Abs(f) < 1<<62
	},
	"min": func(args []any) (any, bool) { return extreme(args, -1) },
	"max": func(args []any) (any, bool) { return extreme(args, 1) },
}

func extreme(args []any, sign int) (any, bool) {
	if len(args) == 0 {
		return nil, false
	}
	best := args[0]
	for _, v := range args {
		order, ok := compared(v, best)
		if !ok {
			return nil, false
		}
		if order == sign {
			best = v
		}
	}
	return best, true
}
