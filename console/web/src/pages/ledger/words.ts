import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'Ledger', statement: 'Statement', statementLead: 'Opening balance, what was charged and paid, closing balance, to the nano: opening + payments − charges = closing.', from: 'From', to: 'To', csv: 'Download CSV', opening: 'Opening balance', closing: 'Closing balance', paid: 'Paid in all', charged: 'Charged in all', left: 'Left to spend',
  day: 'Day', type: 'Type', line: 'Line item', exchange: 'Exchange', charge: 'Charge', payment: 'Payment', balance: 'Balance', postings: 'Postings', preliminary: 'Preliminary', final: 'Final', none: 'Nothing was charged or paid in these days.', noAdvertiser: 'No advertiser yet',
  balances: 'Balances now', balancesLead: 'What is posted and held against each limit.', level: 'Level', horizon: 'Horizon', posted: 'Posted', held: 'Held', limit: 'Limit', available: 'Available', unlimited: 'no limit',
  books: 'Exchange books', booksLead: 'What an exchange is owed, and what its own report is compared with.', payable: 'Owed by day', clearings: 'To reconcile', kind: 'Kind', count: 'Count', amount: 'Amount', deal: 'Deal', noBooks: 'Nothing in these days.', lag: '{n} records wait to be counted', first: 'The first {n} rows; the CSV has all.',
  today: 'Today', lifetime: 'Lifetime', flight: 'Flight of {start}', advertiser: 'Advertiser', campaign: 'Campaign', line_item: 'Line item', of: 'Of', media: 'Media',
}, {
  title: '账本', statement: '对账单', statementLead: '期初余额、费用与付款、期末余额，精确到纳元：期初 + 付款 − 费用 = 期末。', from: '开始', to: '结束', csv: '下载 CSV', opening: '期初余额', closing: '期末余额', paid: '累计付款', charged: '累计费用', left: '可用余额',
  day: '日期', type: '类型', line: '订单项', exchange: '交易平台', charge: '费用', payment: '付款', balance: '余额', postings: '笔数', preliminary: '初步', final: '最终', none: '所选日期没有费用或付款。', noAdvertiser: '还没有广告主',
  balances: '当前余额', balancesLead: '各项限额下已入账和占用的金额。', level: '层级', horizon: '期间', posted: '已入账', held: '占用', limit: '限额', available: '可用', unlimited: '无限额',
  books: '交易平台账目', booksLead: '应付交易平台的金额，以及与其报表核对的数据。', payable: '每日应付', clearings: '待核对', kind: '类别', count: '次数', amount: '金额', deal: '交易', noBooks: '所选日期没有数据。', lag: '{n} 条记录待计入', first: '仅显示前 {n} 行；CSV 包含全部。',
  today: '今日', lifetime: '累计', flight: '{start} 排期', advertiser: '广告主', campaign: '广告活动', line_item: '订单项', of: '科目', media: '媒体',
});
