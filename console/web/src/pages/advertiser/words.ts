import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'New advertiser', accounts: 'Accounts', about: 'About', agency: 'Agency', name: 'Name', domain: 'Domain', status: 'Status',
  domainHint: 'The site that its ads advertise; exchanges show it to publishers.',
  currency: 'Currency', zone: 'Time zone', forGood: 'All its money and days are kept in it: it cannot be changed later.',
  hosts: 'Hosts that clicks may lead to', hostsHint: 'A click to any other host is refused.',
  budget: 'Budget', budgetLead: 'Bounds everything it runs together. Nobody is ever charged more.',
  funded: 'Prepaid: spends at most what was paid', fundedHint: 'Payments are entered by the operator.', credit: 'Credit', creditHint: 'What it may spend beyond what was paid.',
  attribution: 'Attribution', clickWindow: 'After a click', viewWindow: 'After a view', hours: 'hours',
  clickHint: 'A conversion counts this long after a click.', viewHint: 'A conversion counts this long after an impression.',
  caps: 'Frequency caps', capsLead: 'Bind all its campaigns together.', newCampaign: 'New campaign',
}, {
  title: '新建广告主', accounts: '账户', about: '基本信息', agency: '代理商', name: '名称', domain: '域名', status: '状态',
  domainHint: '广告所推广的网站；交易平台会向媒体展示。',
  currency: '币种', zone: '时区', forGood: '所有金额和日期均以此为准，创建后不可更改。',
  hosts: '允许点击跳转的域名', hostsHint: '跳转到其他域名的点击会被拒绝。',
  budget: '预算', budgetLead: '对其全部投放的总限制，绝不会超额收费。',
  funded: '预付费：花费不超过已付金额', fundedHint: '付款由运营方录入。', credit: '授信额度', creditHint: '可超出已付金额的部分。',
  attribution: '归因', clickWindow: '点击后', viewWindow: '展示后', hours: '小时',
  clickHint: '点击后此时间内的转化计入。', viewHint: '展示后此时间内的转化计入。',
  caps: '频次上限', capsLead: '对其所有广告活动合并计算。', newCampaign: '新建广告活动',
});
