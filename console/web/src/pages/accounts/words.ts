import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'Accounts', name: 'Name', state: 'State', pace: 'Spend and plan', bids: 'Bids today', impressions: 'Impr. today', daysLeft: 'Days left', actions: 'Actions',
  newAgency: 'New agency', newAdvertiser: 'New advertiser', newCampaign: 'New campaign',
  newCampaignIn: 'New campaign', newLineItem: 'New line item',
  search: 'Find by name', showArchived: 'Show archived',
  open: 'Open {name}', close: 'Close {name}', none: '–', noLimit: 'no limit',
  emptyTitle: 'No accounts yet', empty: 'An agency comes first, then its advertisers, their campaigns and line items.',
  noCampaigns: 'No campaigns yet.', noLines: 'No line items yet.', loading: 'Loading…',
}, {
  title: '账户', name: '名称', state: '状态', pace: '花费与计划', bids: '今日出价', impressions: '今日展示', daysLeft: '剩余天数', actions: '操作',
  newAgency: '新建代理商', newAdvertiser: '新建广告主', newCampaign: '新建广告活动',
  newCampaignIn: '新建广告活动', newLineItem: '新建订单项',
  search: '按名称查找', showArchived: '显示已归档',
  open: '展开 {name}', close: '收起 {name}', none: '–', noLimit: '无上限',
  emptyTitle: '还没有账户', empty: '先创建代理商，再创建广告主、广告活动和订单项。',
  noCampaigns: '还没有广告活动。', noLines: '还没有订单项。', loading: '加载中…',
});
