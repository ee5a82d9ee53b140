using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using Metering.Registry.Service;
using Metering.Registry.Tests.Store;

namespace Metering.Registry.Tests.Service;

public sealed class RegistryApiTests : IAsyncLifetime
{
    private const string V1 = """{"type":"record","name":"T","namespace":"n","fields":[{"name":"a","type":"int"}]}""";
    private const string V2 = """{"type":"record","name":"T","namespace":"n","fields":[{"name":"a","type":"int"},{"name":"b","type":"string","default":""}]}""";
    private const string Bad = """{"type":"record","name":"T","namespace":"n","fields":[{"name":"a","type":"int"},{"name":"c","type":"string"}]}""";

    private RunningRegistry _registry = null!;

    public async ValueTask InitializeAsync() => _registry = await RunningRegistry.StartAsync();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Fact]
    public async Task Register_again_in_other_white_space_or_another_subject_gives_the_same_id()
    {
        Assert.Equal(1, await _registry.RegisterAsync("a", V1));
        Assert.Equal(1, await _registry.RegisterAsync("a", V1));
        Assert.Equal(1, await _registry.RegisterAsync("a", V1.Replace(",", " , ", StringComparison.Ordinal)));
        Assert.Equal(1, await _registry.RegisterAsync("b", """{"type":"record","name":"n.T","fields":[{"name":"a","type":{"type":"int"}}]}"""));
        Assert.Equal(2, await _registry.RegisterAsync("a", V2));
        Assert.Equal("[1,2]", (await _registry.SendAsync("GET", "/subjects/a/versions")).Body.GetRawText());
        Assert.Equal("""[{"subject":"a","version":1},{"subject":"b","version":1}]""", (await _registry.SendAsync("GET", "/schemas/ids/1/versions")).Body.GetRawText());
        Assert.Equal("""["a","b"]""", (await _registry.SendAsync("GET", "/schemas/ids/1/subjects")).Body.GetRawText());
        Assert.Equal(V1, (await _registry.SendAsync("GET", "/schemas/ids/1/schema")).Body.GetRawText());
    }

    [Theory]
    [InlineData(""","doc":"d" """)]
    [InlineData(""","aliases":["U"]""")]
    [InlineData(""","x":1""")]
    public async Task Register_a_change_of_doc_alias_or_property_is_a_new_schema(string attribute)
    {
        await _registry.RegisterAsync("a", V1);

        Assert.Equal(2, await _registry.RegisterAsync("a", V1[..^1] + attribute + "}"));
    }

    [Fact]
    public async Task Register_normalized_finds_what_differs_only_in_the_order_of_properties()
    {
        await _registry.RegisterAsync("a", """{"type":"bytes","scale":2,"logicalType":"decimal","precision":4}""");
        var other = RunningRegistry.Body("""{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}""");

        Assert.Equal(40403, (await _registry.SendAsync("POST", "/subjects/a", other)).Code);
        Assert.Equal(200, (await _registry.SendAsync("POST", "/subjects/a?normalize=true", other)).Status);
        Assert.Equal(1, (await _registry.SendAsync("POST", "/subjects/a/versions?normalize=true", other)).Body.GetProperty("id").GetInt32());
    }

    [Fact]
    public async Task Register_what_is_incompatible_is_409_with_the_reason()
    {
        await _registry.RegisterAsync("a", V1);

        var (status, code, body) = await _registry.SendAsync("POST", "/subjects/a/versions", RunningRegistry.Body(Bad));

        Assert.Equal((409, 409), (status, code));
        Assert.Contains("T.c: the new schema has this field", body.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Register_what_the_subject_has_already_is_not_checked_against_a_level_that_came_later()
    {
        await _registry.SendAsync("PUT", "/config/a", """{"compatibility":"NONE"}""");
        await _registry.RegisterAsync("a", V1);
        await _registry.RegisterAsync("a", Bad);
        await _registry.SendAsync("PUT", "/config/a", """{"compatibility":"FULL_TRANSITIVE"}""");

        Assert.Equal(1, await _registry.RegisterAsync("a", V1));
    }

    [Theory]
    [InlineData("GET", "/subjects/none/versions", 404, 40401)]
    [InlineData("GET", "/subjects/none/versions/1", 404, 40401)]
    [InlineData("GET", "/subjects/a/versions/9", 404, 40402)]
    [InlineData("GET", "/subjects/a/versions/9/schema", 404, 40402)]
    [InlineData("GET", "/subjects/a/versions/0", 422, 42202)]
    [InlineData("GET", "/subjects/a/versions/abc", 422, 42202)]
    [InlineData("GET", "/subjects/a/versions/-2", 422, 42202)]
    [InlineData("GET", "/subjects/a/versions/99999999999", 422, 42202)]
    [InlineData("GET", "/subjects/%20/versions", 422, 42208)]
    [InlineData("GET", "/schemas/ids/999", 404, 40403)]
    [InlineData("GET", "/schemas/ids/0", 404, 40403)]
    [InlineData("GET", "/schemas/ids/-1", 404, 40403)]
    [InlineData("GET", "/schemas/ids/abc", 404, 404)]
    [InlineData("GET", "/config/a", 404, 40408)]
    [InlineData("DELETE", "/config/a", 404, 40408)]
    [InlineData("GET", "/nope", 404, 404)]
    [InlineData("DELETE", "/subjects/a", 405, 405)]
    [InlineData("PATCH", "/config", 405, 405)]
    public async Task Get_what_is_not_there_gives_confluents_code(string verb, string path, int status, int code)
    {
        await _registry.RegisterAsync("a", V1);

        var answer = await _registry.SendAsync(verb, path);

        Assert.Equal((status, code), (answer.Status, answer.Code));
        Assert.NotEqual("", answer.Body.GetProperty("message").GetString());
    }

    [Theory]
    [InlineData("/subjects/none", """{"schema":"\"int\""}""", 404, 40401)]
    [InlineData("/subjects/a", """{"schema":"\"int\""}""", 404, 40403)]
    [InlineData("/subjects/a", """{"schema":"\"nope\""}""", 422, 42201)]
    [InlineData("/subjects/a/versions", """{"schema":"\"nope\""}""", 422, 42201)]
    [InlineData("/subjects/a/versions", """{"schema":""}""", 422, 42201)]
    [InlineData("/subjects/a/versions", "{}", 422, 42201)]
    [InlineData("/subjects/a/versions", """{"schema":"\"int\"","schemaType":"PROTOBUF"}""", 422, 42201)]
    [InlineData("/subjects/a/versions", """{"schema":"\"int\"","references":[{"name":"n.T","subject":"a","version":1}]}""", 422, 42201)]
    [InlineData("/subjects/a/versions", """{"schema":"\"int\"","metadata":{"tags":{}}}""", 422, 42201)]
    [InlineData("/subjects/a/versions", """{"schema":""", 400, 400)]
    [InlineData("/subjects/a/versions", "", 400, 400)]
    [InlineData("/subjects/a/versions", "null", 400, 400)]
    [InlineData("/subjects/a/versions", "[]", 400, 400)]
    [InlineData("/subjects/a/versions", """{"schema":1}""", 400, 400)]
    [InlineData("/subjects/a/versions", """{"schema":"\ud800"}""", 400, 400)]
    [InlineData("/subjects/a/versions", """{"schema":"\"int\"","schema":"\"long\""}""", 400, 400)]
    [InlineData("/subjects/a%00b/versions", """{"schema":"\"int\""}""", 400, 0)]
    [InlineData("/subjects/a%0Ab/versions", """{"schema":"\"int\""}""", 422, 42208)]
    [InlineData("/compatibility/subjects/a/versions/9", """{"schema":"\"int\""}""", 404, 40402)]
    [InlineData("/compatibility/subjects/none/versions/1", """{"schema":"\"int\""}""", 404, 40402)]
    [InlineData("/compatibility/subjects/a/versions/latest", """{"schema":"\"nope\""}""", 422, 42201)]
    public async Task Post_what_cannot_be_taken_gives_confluents_code_and_changes_nothing(string path, string body, int status, int code)
    {
        await _registry.RegisterAsync("a", V1);
        var before = await ReadLogAsync();

        using var request = new HttpRequestMessage(HttpMethod.Post, _registry.Url.ToString().TrimEnd('/') + path) { Content = new StringContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await _registry.Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();

        Assert.Equal(status, (int)answer.StatusCode);
        if (code != 0)
            Assert.Equal(code, JsonElement.Parse(text).GetProperty("error_code").GetInt32());
        Assert.Equal(before, await ReadLogAsync());
    }

    // The large one is longer than what sockets hold: the client is still sending when the answer is there.
    [Theory]
    [InlineData(2_000_000)]
    [InlineData(12_000_000)]
    public async Task Post_a_body_over_the_limit_is_413_also_while_the_client_sends(int spaces)
    {
        var (status, code, _) = await _registry.SendAsync("POST", "/subjects/a/versions", RunningRegistry.Body(new string(' ', spaces)));

        Assert.Equal((413, 413), (status, code));
    }

    [Fact]
    public async Task Post_a_body_of_unsaid_length_over_the_limit_is_refused_and_the_next_call_is_answered()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _registry.Url.ToString().TrimEnd('/') + "/subjects/a/versions");
        request.Content = new StringContent(RunningRegistry.Body(new string(' ', 2_000_000)));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TransferEncodingChunked = true;
        try
        {
            using var answer = await _registry.Http.SendAsync(request);
            Assert.Equal(413, (int)answer.StatusCode);
        }
        catch (HttpRequestException)
        {
            // Without a length the connection may be cut while the client sends.
        }

        Assert.Equal(200, (await _registry.SendAsync("POST", "/subjects/a/versions", RunningRegistry.Body(V1))).Status);
    }

    [Theory]
    [InlineData("text/plain", 415)]
    [InlineData("application/x-www-form-urlencoded", 415)]
    [InlineData("application/json", 200)]
    [InlineData("application/json; charset=utf-8", 200)]
    [InlineData("application/vnd.schemaregistry+json", 200)]
    [InlineData(null, 200)]
    public async Task Post_only_json_is_taken(string? contentType, int expected)
    {
        Assert.Equal(expected, (await _registry.SendAsync("POST", "/subjects/a/versions", RunningRegistry.Body(V1), contentType)).Status);
    }

    [Theory]
    [InlineData(null, "application/vnd.schemaregistry.v1+json")]
    [InlineData("*/*", "application/vnd.schemaregistry.v1+json")]
    [InlineData("application/json", "application/json")]
    [InlineData("application/json; q=0.5, application/vnd.schemaregistry.v1+json; q=0.9", "application/vnd.schemaregistry.v1+json")]
    public async Task Get_answers_in_the_media_type_that_the_client_likes(string? accept, string expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_registry.Url, "subjects"));
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        using var answer = await _registry.Http.SendAsync(request);

        Assert.Equal(expected, answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Compatibility_answers_by_the_subjects_level_and_says_why_when_asked()
    {
        await _registry.RegisterAsync("a", V1);

        var terse = await _registry.SendAsync("POST", "/compatibility/subjects/a/versions/latest", RunningRegistry.Body(Bad));
        var verbose = await _registry.SendAsync("POST", "/compatibility/subjects/a/versions?verbose=true", RunningRegistry.Body(Bad));
        var fine = await _registry.SendAsync("POST", "/compatibility/subjects/a/versions/1?verbose=true", RunningRegistry.Body(V2));
        var fresh = await _registry.SendAsync("POST", "/compatibility/subjects/none/versions/latest", RunningRegistry.Body(Bad));
        await _registry.SendAsync("PUT", "/config/a", """{"compatibility":"none"}""");
        var unasked = await _registry.SendAsync("POST", "/compatibility/subjects/a/versions", RunningRegistry.Body(Bad));

        Assert.Equal("""{"is_compatible":false}""", terse.Body.GetRawText());
        Assert.StartsWith("T.c:", verbose.Body.GetProperty("messages")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal("""{"is_compatible":true,"messages":[]}""", fine.Body.GetRawText());
        Assert.True(fresh.Body.GetProperty("is_compatible").GetBoolean());
        Assert.True(unasked.Body.GetProperty("is_compatible").GetBoolean());
    }

    [Fact]
    public async Task Config_of_a_subject_overrules_the_global_one_until_it_is_taken_back()
    {
        Assert.Equal("""{"compatibilityLevel":"BACKWARD"}""", (await _registry.SendAsync("GET", "/config")).Body.GetRawText());
        Assert.Equal("""{"compatibility":"FULL"}""", (await _registry.SendAsync("PUT", "/config", """{"compatibility":"FULL"}""")).Body.GetRawText());
        Assert.Equal("""{"compatibilityLevel":"FULL"}""", (await _registry.SendAsync("GET", "/config/a?defaultToGlobal=true")).Body.GetRawText());
        Assert.Equal(200, (await _registry.SendAsync("PUT", "/config/a", """{"compatibility":"FORWARD"}""")).Status);
        Assert.Equal("""{"compatibilityLevel":"FORWARD"}""", (await _registry.SendAsync("GET", "/config/a")).Body.GetRawText());
        Assert.Equal(42203, (await _registry.SendAsync("PUT", "/config/a", """{"compatibility":"NOPE"}""")).Code);
        Assert.Equal(42203, (await _registry.SendAsync("PUT", "/config/a", "{}")).Code);
        Assert.Equal("""{"compatibilityLevel":"FORWARD"}""", (await _registry.SendAsync("DELETE", "/config/a")).Body.GetRawText());
        Assert.Equal(40408, (await _registry.SendAsync("GET", "/config/a")).Code);
        Assert.Equal("""{"compatibilityLevel":"BACKWARD"}""", (await _registry.SendAsync("DELETE", "/config")).Body.GetRawText());
    }

    [Fact]
    public async Task Restart_keeps_ids_versions_and_levels()
    {
        await _registry.RegisterAsync("a", V1);
        await _registry.RegisterAsync("a", V2);
        await _registry.SendAsync("PUT", "/config/a", """{"compatibility":"FULL"}""");

        await _registry.RestartAsync();

        Assert.Equal(2, (await _registry.SendAsync("GET", "/subjects/a/versions/latest")).Body.GetProperty("id").GetInt32());
        Assert.Equal(2, (await _registry.SendAsync("GET", "/subjects/a/versions/-1")).Body.GetProperty("version").GetInt32());
        Assert.Equal("""{"compatibilityLevel":"FULL"}""", (await _registry.SendAsync("GET", "/config/a")).Body.GetRawText());
        Assert.Equal(3, await _registry.RegisterAsync("b", "\"int\""));
    }

    [Fact]
    public async Task Root_modes_types_and_prefixes_are_served()
    {
        await _registry.RegisterAsync("a-1", V1);
        await _registry.RegisterAsync("b-1", V1);
        await _registry.RegisterAsync("with%2Fslash", V1);

        Assert.Equal(3, (await _registry.SendAsync("GET", "/")).Body.GetProperty("subjects").GetInt32());
        Assert.Equal("""{"mode":"READWRITE"}""", (await _registry.SendAsync("GET", "/mode")).Body.GetRawText());
        Assert.Equal("""["AVRO"]""", (await _registry.SendAsync("GET", "/schemas/types")).Body.GetRawText());
        Assert.Equal("""["b-1"]""", (await _registry.SendAsync("GET", "/subjects?subjectPrefix=b")).Body.GetRawText());
        Assert.Equal("with/slash", (await _registry.SendAsync("GET", "/subjects")).Body[2].GetString());
    }

    [Fact]
    public async Task Start_on_a_taken_port_or_folder_or_with_bad_settings_says_what_to_do()
    {
        using var folder = new TempFolder();
        using var taken = new TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;

        var busy = await Assert.ThrowsAsync<IOException>(() => RegistryServer.StartAsync(new RegistryOptions { Port = port, DataDirectory = folder.Path }));
        await Assert.ThrowsAsync<IOException>(() => RegistryServer.StartAsync(new RegistryOptions { Port = 0, DataDirectory = _registry.DataDirectory }));
        var bad = await Assert.ThrowsAsync<ArgumentException>(() => RegistryServer.StartAsync(new RegistryOptions { Port = -1, PathBase = "x", DataDirectory = " ", MaxBodyBytes = 1 }));

        Assert.Contains("give it another port", busy.Message, StringComparison.Ordinal);
        Assert.All(["Port", "PathBase", "DataDirectory", "MaxBodyBytes"], setting => Assert.Contains(setting, bad.Message, StringComparison.Ordinal));
    }

    private async Task<byte[]> ReadLogAsync()
    {
        await using var log = new FileStream(Path.Combine(_registry.DataDirectory, "registry.log"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var bytes = new MemoryStream();
        await log.CopyToAsync(bytes);
        return bytes.ToArray();
    }
}
