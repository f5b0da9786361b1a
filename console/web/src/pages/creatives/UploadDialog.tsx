import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { type Advertiser, changed, create } from '../../api/entities';
import { Problem, type Violation } from '../../api/problem';
import { upload } from '../../api/upload';
import { FieldFrame } from '../../form/Field';
import { useMessages } from '../../i18n/language';
import { Bar } from '../../ui/Bar';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { useExplain } from '../../ui/Failure';
import { useToast } from '../../ui/Toast';
import { words } from './words';

interface Asset {
  id: number;
  type: string;
  w?: number;
  h?: number;
}

type Wrong = Partial<Record<'file' | 'name' | 'landing_url' | 'other', string>>;

// UploadDialog sends a file, which the server decodes, and makes a creative of it.
export function UploadDialog({ advertiser, onClose }: { advertiser: Advertiser; onClose: () => void }) {
  const t = useMessages(words);
  const explain = useExplain();
  const toast = useToast();
  const client = useQueryClient();
  const [file, setFile] = useState<File>();
  const [name, setName] = useState('');
  const [landing, setLanding] = useState('');
  const [progress, setProgress] = useState<number>();
  const [wrong, setWrong] = useState<Wrong>({});
  const stop = useRef<AbortController>(null);
  const stored = useRef<{ file: File; asset: Asset }>(null); // a file that is there need not go again
  useEffect(() => () => stop.current?.abort(), []);

  const add = async () => {
    if (!file) return setWrong({ file: t('choose') });
    setWrong({});
    stop.current = new AbortController();
    try {
      if (stored.current?.file !== file) {
        setProgress(0);
        const asset = await upload({
          path: '/v1/assets', query: { advertiser_id: String(advertiser.id), name: name || file.name }, file, onProgress: setProgress, signal: stop.current.signal,
        }) as Asset;
        stored.current = { file, asset };
      }
      const { asset } = stored.current;
      if (asset.type !== 'image' && asset.type !== 'html5') return setWrong({ other: t('otherKind', { type: asset.type, id: asset.id }) });
      await create('creative', { advertiser_id: advertiser.id, name: name || file.name, asset_id: asset.id, w: asset.w, h: asset.h, landing_url: landing });
      await changed(client, 'creative');
      toast(t('made', { name: name || file.name }));
      onClose();
    } catch (err) {
      if (err instanceof DOMException) return;
      setWrong(err instanceof Problem && err.violations.length ? beside(err.violations) : { other: explain(err) });
    } finally {
      setProgress(undefined);
    }
  };
  return (
    <Dialog title={t('upload')} onClose={onClose} actions={(
      <>
        <Button look="quiet" onClick={onClose}>{t('cancel')}</Button>
        <Button look="primary" busy={progress !== undefined} onClick={() => void add()}>{t('add')}</Button>
      </>
    )}>
      <FieldFrame label={t('file')} hint={t('fileHint')} error={wrong.file}>
        {({ id, describedBy, invalid }) => (
          <input id={id} name="file" type="file" accept="image/png,image/jpeg,image/gif,image/webp,.zip" aria-describedby={describedBy} aria-invalid={invalid}
            onChange={(e) => { const f = e.target.files?.[0]; setFile(f); if (f && !name) setName(f.name.replace(/\.[^.]+$/, '')); }} />
        )}
      </FieldFrame>
      {file && <Chosen file={file} />}
      <FieldFrame label={t('name')} error={wrong.name}>
        {({ id, describedBy, invalid }) => <input id={id} name="name" maxLength={200} value={name} aria-describedby={describedBy} aria-invalid={invalid} onChange={(e) => setName(e.target.value)} />}
      </FieldFrame>
      <FieldFrame label={t('landing')} hint={t('landingHint', { hosts: (advertiser.redirect_hosts ?? []).join(', ') || '–' })} error={wrong.landing_url}>
        {({ id, describedBy, invalid }) => <input id={id} name="landing_url" type="url" placeholder="https://" value={landing} aria-describedby={describedBy} aria-invalid={invalid} onChange={(e) => setLanding(e.target.value)} />}
      </FieldFrame>
      <div role="status" aria-live="polite">
        {progress !== undefined && (
          <>
            <p>{progress < 1 ? t('uploading', { n: Math.round(progress * 100) }) : t('checking')}</p>
            <Bar label={t('uploading', { n: Math.round(progress * 100) })} part={BigInt(Math.round(progress * 1000))} whole={1000n} />
          </>
        )}
      </div>
      {wrong.other && <p className="error" role="alert">{wrong.other}</p>}
    </Dialog>
  );
}

// beside puts each violation to the field that caused it: what is of neither name nor
// landing page is of the file.
function beside(violations: Violation[]): Wrong {
  const out: Wrong = {};
  for (const v of violations) {
    const field = v.field.replace(/^(creative|asset|query|body)\./, '');
    const at = field === 'name' ? 'name' : field === 'landing_url' ? 'landing_url' : 'file';
    const text = at === 'file' ? `${field}${v.value ? ` ${v.value}` : ''}: ${v.rule}` : v.rule;
    out[at] = out[at] ? `${out[at]}; ${text}` : text;
  }
  return out;
}

function Chosen({ file }: { file: File }) {
  const t = useMessages(words);
  const url = useMemo(() => (file.type.startsWith('image/') && file.type !== 'image/svg+xml' ? URL.createObjectURL(file) : ''), [file]);
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  return (
    <figure className="chosen">
      {url && <img src={url} alt={t('preview')} />}
      <figcaption className="muted">{file.name}, {t('weight', { n: Math.ceil(file.size / 1024) })}</figcaption>
    </figure>
  );
}
