// Everything that a program needs: structs and services (contract), App, Runtime, Client.
//
//   #include <fairlead/fairlead.h>       and  fl::  for  fairlead::
#pragma once

#include "fairlead/async/event.h"
#include "fairlead/async/scope.h"
#include "fairlead/async/task.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/contract/contract.h"
#include "fairlead/contract/name_mapper.h"
#include "fairlead/observe/log.h"
#include "fairlead/rpc/context.h"
#include "fairlead/rpc/plugin.h"
#include "fairlead/service/app.h"
#include "fairlead/service/client.h"
#include "fairlead/service/each.h"
#include "fairlead/service/session_hub.h"

namespace fairlead {

using codec::CodecId;
using contract::NameStyle;
using contract::Push;
using contract::rules::serial;
using rpc::Context;
using rpc::IdleEvent;
using rpc::IncomingHead;
using rpc::Login;
using rpc::OutgoingHead;
using rpc::Plugin;
using rpc::Reply;
using rpc::SecureKeys;
using service::all;
using service::App;
using service::at_least_once;
using service::at_most_once;
using service::best_effort;
using service::blocking;
using service::Broadcast;
using service::BroadcastResult;
using service::Call;
using service::cancelled_by;
using service::Client;
using service::ClientOptions;
using service::each;
using service::error;
using service::Hub;
using service::HubDial;
using service::on_pool;
using service::Pool;
using service::PoolOptions;
using service::Proxy;
using service::RawClient;
using service::RouteGroup;
using service::Runtime;
using service::sealed;
using service::SessionRef;
using service::wait_for_ready;
using service::with_codec;
using service::with_meta;
using service::with_plugins;
using service::with_transforms;
using service::within;

}  // namespace fairlead

namespace fl = fairlead;
