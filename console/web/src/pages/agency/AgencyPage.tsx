import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from 'react-router';
import { useMayEdit } from '../../account/may';
import { StatusButtons } from '../../account/StatusButtons';
import { statusWords, toneOf } from '../../account/words';
import { readOptions } from '../../api/entities';
import { EntityForm } from '../../form/EntityForm';
import { PercentField, TextField } from '../../form/Field';
import { useForm } from '../../form/form';
import type { Plain } from '../../form/patch';
import { useMessages } from '../../i18n/language';
import { messages } from '../../i18n/messages';
import { Badge } from '../../ui/Badge';
import { LinkButton } from '../../ui/Button';
import { Failure } from '../../ui/Failure';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/Panel';

const words = messages({
  title: 'New agency', accounts: 'Accounts', about: 'About', name: 'Name', fee: 'Platform fee', feeHint: 'The share of each charge that the operator keeps.',
  newAdvertiser: 'New advertiser', readOnly: 'Only an operator changes agencies.',
}, {
  title: '新建代理商', accounts: '账户', about: '基本信息', name: '名称', fee: '平台费', feeHint: '运营方从每笔费用中收取的比例。',
  newAdvertiser: '新建广告主', readOnly: '仅运营方可修改代理商。',
});

export default function AgencyPage() {
  const { id = 'new' } = useParams();
  const found = useQuery(readOptions('agency', Number(id) || 0));
  if (id === 'new') return <Editor key="new" base={{}} etag="" />;
  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return null;
  return <Editor key={id} id={found.data.entity.id} base={found.data.entity as unknown as Plain} etag={found.data.etag} />;
}

function Editor({ id, base, etag }: { id?: number; base: Plain; etag: string }) {
  const t = useMessages(words);
  const status = useMessages(statusWords);
  const navigate = useNavigate();
  const may = { agency: useMayEdit('agency'), advertiser: useMayEdit('advertiser') };
  const form = useForm(`agency/${id ?? 'new'}`, base, etag);
  const state = String(base.status ?? '');
  return (
    <Page title={id ? String(base.name) : t('title')} crumbs={[{ to: '/', text: t('accounts') }]}
      beside={id && <Badge tone={toneOf(state)}>{status(state as 'active')}</Badge>}
      actions={id && may.advertiser && (
        <>
          <LinkButton to={`/advertisers/new?agency=${id}`}>{t('newAdvertiser')}</LinkButton>
          <StatusButtons kind="agency" id={id} name={String(base.name)} status={state} archive />
        </>
      )}>
      <EntityForm kind="agency" id={id} form={form} readOnly={state === 'archived'} labels={{ name: t('name'), platform_fee_ppm: t('fee') }}
        onSaved={(s) => { if (!id) void navigate(`/agencies/${s.entity.id}`, { replace: true }); }}>
        <Panel title={t('about')} lead={may.agency ? undefined : t('readOnly')}>
          <div className="grid">
            <TextField name="name" label={t('name')} maxLength={200} />
            <PercentField name="platform_fee_ppm" label={t('fee')} hint={t('feeHint')} />
          </div>
        </Panel>
      </EntityForm>
    </Page>
  );
}
