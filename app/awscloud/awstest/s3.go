package awstest

import (
	"encoding/xml"
	"net/http"
	"strings"
)

// PutObject puts an object into a bucket.
func (a *AWS) PutObject(bucket, key string, content []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects[bucket+"/"+key] = content
}

// s3 answers GetObject, which alone is known here: a bucket in the path, for an address of numbers has no subdomains.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (a *AWS) s3(w http.ResponseWriter, r *http.Request, body []byte) {
	const none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of no body
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, "GetObject")
	object, ok := a.objects[strings.TrimPrefix(r.URL.Path, "/")]
	fail := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName       xml.Name `xml:"Error"`
			Code, Message string
		}{Code: code, Message: "the double says so"})
	}
	switch {
	case r.Method != http.MethodGet || r.URL.RawQuery != "x-id=GetObject" || len(body) > 0:
		fail(http.StatusNotImplemented, "NotImplemented")
	case r.Header.Get("X-Amz-Content-Sha256") != none:
		fail(http.StatusBadRequest, "XAmzContentSHA256Mismatch")
	case a.refuse["GetObject"] != "":
		fail(http.StatusForbidden, a.refuse["GetObject"])
	case !ok:
		fail(http.StatusNotFound, "NoSuchKey")
	default:
		w.Header().Set("Content-Type", "message/rfc822")
		_, _ = w.Write(object)
	}
}
