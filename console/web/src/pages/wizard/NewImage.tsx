import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Advertiser, changed, create } from '../../api/entities';
import { Problem, SignedOut } from '../../api/problem';
import { CountField, TextField } from '../../form/Field';
import { FormContext, useForm } from '../../form/form';
import type { Plain } from '../../form/patch';
import { useMessages } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { useExplain } from '../../ui/Failure';
import { words } from './words';

// NewImage makes an image ad of an address without leaving the page.
export function NewImage({ advertiser, onMade }: { advertiser: Advertiser; onMade: (id: number) => void }) {
  const t = useMessages(words);
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button small onClick={() => setOpen(true)}>{t('newImage')}</Button>
      {open && <ImageDialog advertiser={advertiser} onClose={() => setOpen(false)} onMade={(id) => { setOpen(false); onMade(id); }} />}
    </>
  );
}

function ImageDialog({ advertiser, onClose, onMade }: { advertiser: Advertiser; onClose: () => void; onMade: (id: number) => void }) {
  const t = useMessages(words);
  const explain = useExplain();
  const client = useQueryClient();
  const [first] = useState<Plain>(() => ({ advertiser_id: advertiser.id, name: '', format: 'banner', w: 300, h: 250, image_url: '', landing_url: '' }));
  const form = useForm(`wizard-image-${advertiser.id}`, EMPTY, '', first);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const make = async () => {
    setBusy(true);
    setProblem('');
    try {
      const made = await create('creative', form.value);
      form.reset(EMPTY, '');
      await changed(client, 'creative');
      onMade(made.entity.id);
    } catch (err) {
      if (err instanceof SignedOut) return;
      if (err instanceof Problem && err.violations.length) form.refuse(err.violations.map((v) => ({ ...v, field: v.field.replace(/^creative\./, '') })));
      else setProblem(explain(err));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('newImage')} onClose={onClose} actions={(
      <>
        <Button look="quiet" onClick={onClose}>{t('cancel')}</Button>
        <Button look="primary" busy={busy} onClick={() => void make()}>{t('addImage')}</Button>
      </>
    )}>
      <FormContext value={form}>
        <TextField name="name" label={t('imageName')} maxLength={200} />
        <TextField name="image_url" label={t('imageURL')} hint={t('imageHint')} placeholder="https://" />
        <div className="grid small-cells"><CountField name="w" label={t('width')} /><CountField name="h" label={t('height')} /></div>
        <TextField name="landing_url" label={t('landing')} hint={t('landingHint', { hosts: (advertiser.redirect_hosts ?? []).join(', ') || '–' })} placeholder="https://" />
        {problem && <p className="error" role="alert">{problem}</p>}
        {form.loose.length > 0 && <p className="error" role="alert">{form.loose.map((v) => `${v.field}: ${v.rule}`).join('; ')}</p>}
      </FormContext>
    </Dialog>
  );
}

const EMPTY: Plain = {};
