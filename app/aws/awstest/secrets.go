package awstest

import (
	"crypto"
	"crypto/rand"
	"net/http"
	"time"
)

type version struct {
	value   string
	created time.Time
}

type signer = crypto.Signer

// SetSecret sets the current version of a secret. The one that was current becomes the previous.
func (a *AWS) SetSecret(name, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.secrets[name] == nil {
		a.secrets[name] = map[string]version{}
	}
	if now, ok := a.secrets[name]["AWSCURRENT"]; ok {
		a.secrets[name]["AWSPREVIOUS"] = now
	}
	a.secrets[name]["AWSCURRENT"] = version{value, a.now()}
}

// SetEmptySecret makes a secret without a value.
func (a *AWS) SetEmptySecret(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets[name] = map[string]version{}
}

// SetParameter sets a SecureString.
func (a *AWS) SetParameter(name, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.params[name] = value
}

// SetKey puts a key into KMS.
func (a *AWS) SetKey(id string, key crypto.Signer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[id] = key
}

func (a *AWS) secretsManager(operation string, body []byte) (any, error) {
	var in struct{ SecretId, VersionStage, Name, SecretString, Description, ClientRequestToken string }
	if err := read(body, &in); err != nil {
		return nil, err
	}
	v, ok := a.secrets[in.SecretId][in.VersionStage]
	switch {
	case operation == "CreateSecret" && a.secrets[in.Name] != nil:
		return nil, refused("ResourceExistsException",
			"The operation failed because the secret %s already exists.", in.Name)
	case operation == "CreateSecret":
		// six random characters
		arn := "arn:aws:secretsmanager:" + Region + ":000000000000:secret:" + in.Name + "-a1B2c3"
		a.secrets[in.Name] = map[string]version{"AWSCURRENT": {in.SecretString, a.now()}}
		a.secrets[arn] = a.secrets[in.Name]
		return map[string]any{"Name": in.Name, "ARN": arn}, nil
	case operation == "DescribeSecret" && a.secrets[in.SecretId] != nil:
		d := map[string]any{"Name": in.SecretId}
		if v, ok := a.secrets[in.SecretId]["AWSCURRENT"]; ok {
			d["LastChangedDate"] = v.created.Unix()
			d["VersionIdsToStages"] = map[string][]string{"00000000-0000-4000-8000-000000000001": {"AWSCURRENT"}}
		}
		return d, nil
	case operation == "DescribeSecret":
		return nil, refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	case operation != "GetSecretValue":
		return nil, refused("InvalidRequestException", "%s is not known here", operation)
	case !ok:
		return nil, refused("ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for staging label: %s", in.VersionStage)
	}
	return map[string]any{"Name": in.SecretId, "SecretString": v.value,
		"VersionStages": []string{in.VersionStage}, "CreatedDate": v.created.Unix()}, nil
}

func (a *AWS) systemsManager(operation string, body []byte) (any, error) {
	var in struct {
		Name           string
		WithDecryption bool
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	value, ok := a.params[in.Name]
	switch {
	case operation != "GetParameter":
		return nil, refused("InvalidAction", "%s is not known here", operation)
	case !ok:
		return nil, refused("ParameterNotFound", "%s", in.Name)
	case !in.WithDecryption:
		value = "encrypted"
	}
	return map[string]any{"Parameter": map[string]any{"Name": in.Name, "Type": "SecureString",
		"Value": value}}, nil
}

func (a *AWS) kms(operation string, body []byte) (any, error) {
	var in struct {
		KeyId, MessageType, SigningAlgorithm string
		Message                              []byte
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	key := a.keys[in.KeyId]
	switch {
	case operation != "Sign":
		return nil, refused("UnsupportedOperationException", "%s is not known here", operation)
	case key == nil:
		return nil, &failure{http.StatusBadRequest, "NotFoundException", in.KeyId}
	case in.MessageType != "DIGEST" || in.SigningAlgorithm != "RSASSA_PKCS1_V1_5_SHA_256" ||
		len(in.Message) != crypto.SHA256.Size():
		return nil, refused("ValidationException", "%s of %d bytes by %s", in.MessageType, len(in.Message),
			in.SigningAlgorithm)
	}
	signature, err := key.Sign(rand.Reader, in.Message, crypto.SHA256)
	return map[string]any{"KeyId": in.KeyId, "SigningAlgorithm": in.SigningAlgorithm,
		"Signature": signature}, err
}
