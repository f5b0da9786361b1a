package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/campaigns/media"
)

// Uploads takes files. media.Library is one.
type Uploads interface {
	Take(ctx context.Context, r io.Reader) (campaigns.FileFacts, error)
	Stored(ctx context.Context, f *campaigns.FileFacts) (bool, error)
	Limits() media.Limits
}

const (
	// uploadTime bounds how long a file may take to come.
	uploadTime   = 5 * time.Minute
	maxFormField = 1 << 10 // bytes of a form's field beside the file
)

// uploadInput hands the body on as it comes: files are larger than what is kept in memory.
type uploadInput struct {
	Advertiser int64  `query:"advertiser_id" doc:"Whose file it is; may also be a field of the form, before the file"`
	Name       string `query:"name" maxLength:"200" doc:"For people; else the name of the form's file"`

	contentType string
	body        io.Reader
	interrupt   func() // ends a read that waits
}

var longAgo = time.Unix(1, 0)

// Resolve implements huma.Resolver.
func (in *uploadInput) Resolve(ctx huma.Context) []error {
	in.contentType, in.body = ctx.Header("Content-Type"), ctx.BodyReader()
	in.interrupt = func() { _ = ctx.SetReadDeadline(longAgo) } // a connection that can't is gone
	return nil
}

// registerAssets serves uploaded files: they are made by uploading, and never edited.
func (a *API) registerAssets() error {
	if err := registerKind(a, resource[*campaigns.Asset]{path: "assets", immutable: true}); err != nil {
		return err
	}
	op := huma.Operation{
		OperationID: "upload-asset", Method: http.MethodPost, Path: "/v1/assets", Tags: []string{"assets"},
		Summary: "Upload a file: an image, an HTML5 zip, a video, audio or a VAST document",
		Description: "The body is the file itself, or a form (multipart/form-data) with the file in the field file. What it is goes by its content. " +
			"It is decoded to its end; what breaks a rule is refused and named, and nothing is stored.",
		DefaultStatus: http.StatusCreated, SkipValidateBody: true, RequestBody: &huma.RequestBody{},
		Metadata: map[string]any{bodyField: string(campaigns.KindAsset)},
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity,
			http.StatusServiceUnavailable},
	}
	huma.Register(a.huma, op, a.upload)
	op.RequestBody.Required = true
	file := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The file"}
	op.RequestBody.Content = map[string]*huma.MediaType{
		"*/*": {Schema: file},
		"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{
			"advertiser_id": {Type: huma.TypeInteger, Description: "Whose file it is"},
			"name":          {Type: huma.TypeString, Description: "For people; else the file's name"},
			"file":          file,
		}}},
	}
	return nil
}

func (a *API) upload(ctx context.Context, in *uploadInput) (*createOutput[*campaigns.Asset], error) {
	if err := mayEdit(ctx, campaigns.KindAsset); err != nil {
		return nil, err
	}
	if a.deps.Uploads == nil {
		return nil, newProblem(http.StatusServiceUnavailable, "this node has no store for uploads: see the setting creatives.store")
	}
	timer := time.AfterFunc(uploadTime, in.interrupt)
	defer timer.Stop()
	file, err := in.open()
	if err != nil {
		return nil, err
	}
	asset := &campaigns.Asset{AdvertiserID: campaigns.ID(in.Advertiser), Name: in.Name}
	// Before the file is read: it may be large, and for nobody.
	if err := a.ownAdvertiser(ctx, asset); err != nil {
		return nil, err
	}
	if asset.FileFacts, err = a.deps.Uploads.Take(ctx, file); err != nil {
		return nil, a.refusedUpload(ctx, asset, err)
	}
	if asset.Name == "" {
		asset.Name = string(asset.Type) + " " + asset.SHA256[:8]
	}
	if err := a.editor.Create(ctx, asset); err != nil {
		return nil, fail(ctx, err)
	}
	if there, err := a.deps.Uploads.Stored(ctx, &asset.FileFacts); err != nil || !there {
		reportError(ctx, fmt.Errorf("asset %d: its file is gone: %w", asset.ID, err))
		return nil, newProblem(http.StatusServiceUnavailable, "the file was swept away while it was stored: upload it again")
	}
	return &createOutput[*campaigns.Asset]{Status: http.StatusCreated, ETag: etag(asset), Location: fmt.Sprintf("/v1/assets/%d", asset.ID), Body: asset}, nil
}

// refusedUpload logs a file that was refused: who sends what is an operator's to know.
func (a *API) refusedUpload(ctx context.Context, asset *campaigns.Asset, err error) error {
	var ve *campaigns.ValidationError
	switch {
	case errors.As(err, &ve):
		if a.deps.OnRefusedUpload != nil {
			a.deps.OnRefusedUpload(caller(ctx), asset.AdvertiserID, ve)
		}
	case errors.Is(err, media.ErrBroken):
		return newProblem(http.StatusBadRequest, "the upload broke off")
	}
	return fail(ctx, err)
}

func (a *API) ownAdvertiser(ctx context.Context, asset *campaigns.Asset) error {
	adv, owner, err := a.deps.Store.Get(ctx, campaigns.KindAdvertiser, asset.AdvertiserID)
	if err != nil && !errors.Is(err, campaigns.ErrNotFound) {
		return fail(ctx, err)
	}
	if err != nil || !caller(ctx).Sees(owner) || adv.State() == campaigns.StatusArchived {
		return violation(http.StatusUnprocessableEntity, "asset.advertiser_id", strconv.FormatInt(int64(asset.AdvertiserID), 10),
			"must be an existing advertiser that is not archived")
	}
	return nil
}

// open is the file in the body. Of a form, the fields before the file are read.
func (in *uploadInput) open() (io.Reader, error) {
	kind, params, err := mime.ParseMediaType(in.contentType)
	if in.contentType != "" && err != nil {
		return nil, violation(http.StatusBadRequest, "header.Content-Type", in.contentType, "must be a media type")
	}
	if kind != "multipart/form-data" {
		return in.body, nil
	}
	form := multipart.NewReader(in.body, params["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil, violation(http.StatusBadRequest, "asset.file", "", "must be a field of the form, with a file in it")
		}
		if part.FormName() == "file" {
			if in.Name == "" {
				in.Name = baseName(part.FileName())
			}
			return part, nil
		}
		if err := in.field(part); err != nil {
			return nil, err
		}
	}
}

// baseName is the file's name without the folders that some browsers send.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == "/" {
		return ""
	}
	return name
}

func (in *uploadInput) field(part *multipart.Part) error {
	name := part.FormName()
	b, err := io.ReadAll(io.LimitReader(part, maxFormField+1))
	if err != nil || len(b) > maxFormField {
		return violation(http.StatusBadRequest, "asset."+valueText(name), "", fmt.Sprintf("must be at most %d bytes long", maxFormField))
	}
	switch name {
	case "name":
		in.Name = string(b)
	case "advertiser_id":
		if in.Advertiser, err = strconv.ParseInt(string(b), 10, 64); err != nil {
			return violation(http.StatusUnprocessableEntity, "asset.advertiser_id", valueText(string(b)), "must be an advertiser's id")
		}
	default:
		return violation(http.StatusUnprocessableEntity, "asset."+valueText(name), valueText(string(b)), "must not be given: it is not a known field, or must come before the file")
	}
	return nil
}
