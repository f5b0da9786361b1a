import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { Pace } from '../../account/Pace';
import type { Plan } from '../../account/spend';
import type { Reason, Spend } from '../../account/state';
import { StatusButtons } from '../../account/StatusButtons';
import { kindWords, reasonWords, statusWords, toneOf, verdict } from '../../account/words';
import { type Kind, where } from '../../api/entities';
import { useMessages } from '../../i18n/language';
import { Badge } from '../../ui/Badge';
import { count } from '../../values/format';
import { words } from './words';

interface Props {
  kind: Exclude<Kind, 'creative'>;
  entity: { id: number; name: string; status: string };
  level: 0 | 1 | 2 | 3;
  open?: boolean; // none: nothing below it
  onToggle?: () => void;
  spend?: Spend;
  plan?: Plan;
  currency?: string;
  bids?: number;
  impressions?: number;
  daysLeft?: number;
  reasons?: Reason[]; // of a line item
  actions?: ReactNode;
}

// EntityRow is one line of the tree.
export function EntityRow(p: Props) {
  const { kind, entity, level, open } = p;
  const t = useMessages(words);
  const kinds = useMessages(kindWords);
  return (
    <tr className={`level-${level} ${entity.status === 'archived' ? 'archived' : ''}`}>
      <td>
        <span className="name-cell">
          {open === undefined
            ? <span className="no-twist" />
            : <button type="button" className="twist" aria-expanded={open} aria-label={t(open ? 'close' : 'open', { name: entity.name })} onClick={p.onToggle}>{open ? '▾' : '▸'}</button>}
          <span><span className="kind">{kinds(kind)}</span><Link className="name" to={`/${where(kind)}/${entity.id}`}>{entity.name}</Link></span>
        </span>
      </td>
      <td data-label={t('state')}><State {...p} /></td>
      <td data-label={p.spend || p.plan ? t('pace') : undefined}>{(p.spend || p.plan) && <Pace spend={p.spend} plan={p.plan} currency={p.currency ?? ''} />}</td>
      <td className="number" data-label={t('bids')}>{p.bids === undefined ? '' : count(p.bids)}</td>
      <td className="number" data-label={t('impressions')}>{p.impressions === undefined ? '' : count(p.impressions)}</td>
      <td className="number" data-label={t('daysLeft')}>{p.daysLeft === undefined ? '' : count(p.daysLeft)}</td>
      <td><span className="row end">{p.actions}{level > 0 && <StatusButtons small kind={kind} id={entity.id} name={entity.name} status={entity.status} />}</span></td>
    </tr>
  );
}

function State({ entity, reasons, bids = 0 }: Props) {
  const status = useMessages(statusWords);
  const because = useMessages(reasonWords);
  if (!reasons) return <Badge tone={toneOf(entity.status)}>{status(entity.status as 'active')}</Badge>;
  const v = verdict(reasons, bids);
  const said = reasons.filter((r) => r !== 'paused' && r !== 'archived' && r !== 'ended');
  return (
    <span className="state">
      <Badge tone={v.tone}>{status(v.word)}</Badge>
      {said.length > 0 && <span className="why">{said.map((r) => because(r)).join(' ')}</span>}
    </span>
  );
}
