import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'New campaign', accounts: 'Accounts', noAdvertiser: 'There is no active advertiser', noAdvertiserText: 'An advertiser says who pays, in which currency and by which clock.',
  who: 'Who pays', advertiser: 'Advertiser', advertiserHint: 'All in {currency}, days by the clock of {zone}.',
  campaign: 'When, and how much', campaignLead: 'The budget bounds the whole campaign: nobody is ever charged more.', name: 'Name of the campaign', nameExample: 'Spring launch', start: 'Starts', end: 'Ends',
  activate: 'Activate', later: 'Save without starting', activateHint: 'It bids within seconds.', active: '{name} is active.', saved: '{name} is saved, and waits for you to start it.',
  fix: 'Nothing is lost. {n} field needs your attention.|Nothing is lost. {n} fields need your attention.',
  newImage: 'New image ad', addImage: 'Add this ad', cancel: 'Cancel', imageName: 'Name', imageURL: 'Address of the image', imageHint: 'https only.', width: 'Width', height: 'Height',
  landing: 'Where a click leads', landingHint: 'On one of the registered hosts: {hosts}',
}, {
  title: '新建广告活动', accounts: '账户', noAdvertiser: '没有启用的广告主', noAdvertiserText: '广告主决定由谁付款、使用何种币种和时区。',
  who: '付款方', advertiser: '广告主', advertiserHint: '金额均以 {currency} 计，日期按 {zone} 时间。',
  campaign: '时间与预算', campaignLead: '预算限制整个广告活动，绝不会超额收费。', name: '广告活动名称', nameExample: '春季新品', start: '开始', end: '结束',
  activate: '启用', later: '保存但不启用', activateHint: '数秒内开始出价。', active: '已启用 {name}。', saved: '已保存 {name}，等待您启用。',
  fix: '内容均已保留，有 {n} 个字段需要修改。',
  newImage: '新建图片广告', addImage: '添加此广告', cancel: '取消', imageName: '名称', imageURL: '图片地址', imageHint: '仅支持 https。', width: '宽', height: '高',
  landing: '点击跳转地址', landingHint: '须在已登记的域名内：{hosts}',
});
