"""Whose virtual machine this is, by what its firmware says of its maker (DMI's sys_vendor and chassis_asset_tag).

Only of providers that have a firewall of their own before the machine. VMware, QEMU and Hyper-V's own word may be
anybody's.
"""

from __future__ import annotations

# How the vendor's word begins, and what people call it.
_VENDORS = {
    "Amazon EC2": "AWS",
    "Google": "Google Cloud",
    "Alibaba Cloud": "Alibaba Cloud",
    "DigitalOcean": "DigitalOcean",
    "Hetzner": "Hetzner",
    "Vultr": "Vultr",
    "Linode": "Akamai (Linode)",
    "Akamai": "Akamai (Linode)",
    "Scaleway": "Scaleway",
    "Exoscale": "Exoscale",
    "UpCloud": "UpCloud",
    "Tencent Cloud": "Tencent Cloud",
    "Huawei Cloud": "Huawei Cloud",
    "OVHcloud": "OVHcloud",
    "Yandex": "Yandex Cloud",
    "OpenStack Foundation": "OpenStack",
}
# Asset tags: Azure and Oracle run on hypervisors that others run too.
_TAGS = {"7783-7084-3265-9085-8269-3286-77": "Azure", "OracleCloud.com": "Oracle Cloud"}


def cloud(vendor: str, asset_tag: str) -> str:
    """The provider; empty for none that is known."""
    tagged = next((name for tag, name in _TAGS.items() if asset_tag.startswith(tag)), "")
    return tagged or next((name for word, name in _VENDORS.items() if vendor.startswith(word)), "")
