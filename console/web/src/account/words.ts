import { messages } from '../i18n/messages';
import type { Tone } from '../ui/Badge';
import type { Reason } from './state';

export const statusWords = messages({
  active: 'Active', paused: 'Paused', archived: 'Archived', bidding: 'Bidding', ready: 'Ready', waiting: 'Scheduled', ended: 'Ended', stopped: 'Not bidding', spent: 'Budget spent',
}, {
  active: '启用', paused: '已暂停', archived: '已归档', bidding: '竞价中', ready: '就绪', waiting: '待开始', ended: '已结束', stopped: '未竞价', spent: '预算已用完',
});

export const kindWords = messages({
  agency: 'Agency', advertiser: 'Advertiser', campaign: 'Campaign', line_item: 'Line item', creative: 'Creative',
}, {
  agency: '代理商', advertiser: '广告主', campaign: '广告活动', line_item: '订单项', creative: '创意',
});

export const reasonWords = messages<Reason>({
  archived: 'It is archived.',
  paused: 'It is paused.',
  agency_archived: 'Its agency is archived.',
  agency_paused: 'Its agency is paused.',
  advertiser_archived: 'Its advertiser is archived.',
  advertiser_paused: 'Its advertiser is paused.',
  campaign_archived: 'Its campaign is archived.',
  campaign_paused: 'Its campaign is paused.',
  not_started: 'It has not started yet.',
  ended: 'Its dates are over.',
  no_flight: 'No flight runs now.',
  hours: 'This hour is not in its schedule.',
  no_creative: 'It has no creative.',
  creatives_stopped: 'None of its creatives is active.',
  budget_spent_today: 'Today’s budget is spent.',
  budget_spent: 'The whole budget is spent.',
  kill_switch: 'The operator has stopped it by a kill switch.',
}, {
  archived: '已归档。',
  paused: '已暂停。',
  agency_archived: '所属代理商已归档。',
  agency_paused: '所属代理商已暂停。',
  advertiser_archived: '所属广告主已归档。',
  advertiser_paused: '所属广告主已暂停。',
  campaign_archived: '所属广告活动已归档。',
  campaign_paused: '所属广告活动已暂停。',
  not_started: '尚未开始。',
  ended: '投放日期已结束。',
  no_flight: '当前没有排期。',
  hours: '当前时段不在投放时间表内。',
  no_creative: '没有创意。',
  creatives_stopped: '所有创意均未启用。',
  budget_spent_today: '今日预算已用完。',
  budget_spent: '总预算已用完。',
  kill_switch: '运营方已通过紧急开关停止投放。',
});

// tone is the color of a status of an entity.
export const toneOf = (status: string): Tone => (status === 'active' ? 'good' : status === 'paused' ? 'warn' : 'idle');

// verdict sums up a line item's state in one word.
export function verdict(reasons: Reason[], bids: number): { word: keyof typeof statusWords.en; tone: Tone } {
  const [first] = reasons;
  if (first === undefined) return bids > 0 ? { word: 'bidding', tone: 'good' } : { word: 'ready', tone: 'info' };
  if (first === 'archived') return { word: 'archived', tone: 'idle' };
  if (first === 'paused') return { word: 'paused', tone: 'warn' };
  if (first === 'not_started' && reasons.length === 1) return { word: 'waiting', tone: 'info' };
  if (first === 'ended') return { word: 'ended', tone: 'idle' };
  if (first === 'budget_spent' || first === 'budget_spent_today') return { word: 'spent', tone: 'warn' };
  return { word: 'stopped', tone: 'bad' };
}
