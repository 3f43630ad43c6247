package intake

// complete makes the beginning of a JSON text whole: it ends behind the last element of a list that
// is all there, and what is open there is closed. It returns nil if no list has a whole element.
func complete(beginning []byte) []byte {
	var open []byte // the brackets that are open, as they are closed
	inString, isEscaped := false, false
	end, closing := 0, ""
	for i, c := range beginning {
		switch {
		case isEscaped:
			isEscaped = false
		case inString:
			isEscaped, inString = c == '\\', c != '"'
		case c == '"':
			inString = true
		case c == '{':
			open = append(open, '}')
		case c == '[':
			open = append(open, ']')
		case c == '}' || c == ']':
			if len(open) == 0 || open[len(open)-1] != c {
				return nil
			}
			open = open[:len(open)-1]
			if len(open) > 0 && open[len(open)-1] == ']' {
				end, closing = i+1, string(open)
			}
		}
		if len(open) > maxNesting {
			return nil
		}
	}
	if end == 0 {
		return nil
	}
	whole := append([]byte{}, beginning[:end]...)
	for i := len(closing) - 1; i >= 0; i-- {
		whole = append(whole, closing[i])
	}

	return whole
}

// maxNesting is how deep the brackets may be in what is completed.
const maxNesting = 100
